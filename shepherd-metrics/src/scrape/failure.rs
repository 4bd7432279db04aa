//! Why an endpoint could not be scraped.

use std::error::Error;
use std::time::Duration;

use reqwest::StatusCode;
use shepherd_core::model::FailureKind;

use super::exposition::Malformed;

/// One failed scrape. The texts hold neither URL nor body: either may hold a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScrapeFailure {
    #[error("the endpoint list holds what is no http or https URL: {0}")]
    NoUrl(String),
    #[error("it is an https URL, which needs the cargo feature `tls` of shepherd-metrics")]
    NoTls,
    #[error("it did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    #[error("its answer broke off: {0}")]
    BrokenOff(String),
    #[error("it answered {status}{}", advice(*status))]
    Status { status: StatusCode, retry_after: Option<Duration> },
    #[error("it sent more than {0} bytes: point at a smaller page, or raise the byte limit")]
    TooLarge(usize),
    #[error("it sent a compressed page although none was asked for")]
    Compressed,
    #[error("it sent what is no UTF-8 text: is this a metrics endpoint?")]
    NotText,
    #[error("it does not speak the Prometheus text format: {0}")]
    Malformed(#[from] Malformed),
}

impl ScrapeFailure {
    /// Who must act.
    pub(crate) fn kind(&self) -> FailureKind {
        match self {
            Self::Status { status, .. } => match *status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FailureKind::Denied,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => FailureKind::Transient,
                status if status.is_server_error() => FailureKind::Transient,
                _ => FailureKind::Permanent,
            },
            // A page that was cut off is whole the next time.
            Self::TimedOut(_)
            | Self::Unreachable(_)
            | Self::BrokenOff(_)
            | Self::Malformed(Malformed::CutOff) => FailureKind::Transient,
            Self::NoTls => FailureKind::Unsupported,
            Self::NoUrl(_) | Self::TooLarge(_) | Self::Compressed | Self::NotText | Self::Malformed(_) => {
                FailureKind::Permanent
            }
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What happened before the answer began.
    pub(crate) fn asking(error: reqwest::Error, timeout: Duration) -> Self {
        if error.is_timeout() { Self::TimedOut(timeout) } else { Self::Unreachable(causes(error)) }
    }

    /// What happened while the answer was read.
    pub(crate) fn reading(error: reqwest::Error, timeout: Duration) -> Self {
        if error.is_timeout() { Self::TimedOut(timeout) } else { Self::BrokenOff(causes(error)) }
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": give the source credentials that may read it",
        StatusCode::NOT_FOUND => ": check the path of the endpoint",
        status if status.is_redirection() => ": redirects are not followed, list where it leads",
        _ => "",
    }
}

/// The chain of causes in one line. The outermost names the URL, which is taken out.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
