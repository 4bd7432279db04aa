//! Fetches pages from endpoints that may do anything: hang, answer forever, answer something else.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};

use super::address::Address;
use super::failure::ScrapeFailure;

/// An HTTP client that gives each endpoint a limit of time and of bytes.
#[derive(Debug)]
pub(crate) struct Fetcher {
    client: Client,
    /// Marked as sensitive, so it does not show.
    authorization: Option<HeaderValue>,
    timeout: Duration,
    limit: usize,
}

impl Fetcher {
    pub(crate) fn new(
        authorization: Option<HeaderValue>,
        timeout: Duration,
        limit: usize,
    ) -> Result<Self, reqwest::Error> {
        // Pods are asked directly: through a proxy the answer might be another pod's. Redirects would send a pod's
        // question elsewhere, and hide a wrong path behind a login page.
        let client = Client::builder()
            .user_agent(concat!("shepherd/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { client, authorization, timeout, limit })
    }

    /// The page as text.
    pub(crate) async fn page(&self, address: &Address) -> Result<String, ScrapeFailure> {
        let mut request = self.client.get(address.url()).header(ACCEPT, "text/plain;version=0.0.4");
        if let Some(authorization) = self.authorization.as_ref().filter(|_| !address.has_credentials()) {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = request.send().await.map_err(|error| ScrapeFailure::asking(error, self.timeout))?;
        check(&response)?;
        let body = self.body(response).await?;
        String::from_utf8(body).map_err(|_| ScrapeFailure::NotText)
    }

    /// Reads no further than the limit, whatever the endpoint announces.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ScrapeFailure> {
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| ScrapeFailure::reading(error, self.timeout))?
        {
            if body.len() + chunk.len() > self.limit {
                return Err(ScrapeFailure::TooLarge(self.limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn check(response: &Response) -> Result<(), ScrapeFailure> {
    let (status, headers) = (response.status(), response.headers());
    if status != StatusCode::OK {
        return Err(ScrapeFailure::Status { status, retry_after: retry_after(headers) });
    }
    match headers.get(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(ScrapeFailure::Compressed),
        _ => Ok(()),
    }
}

/// Only the form in seconds: the other one needs a clock that agrees with the endpoint's.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    // Not a u64: a nonsensical number must not overflow the time of whoever waits.
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}
