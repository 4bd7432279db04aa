//! Sets a source up.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use shepherd_core::model::Metric;
use shepherd_core::ports::{Clock, SystemClock};

use super::Scrape;
use super::definitions::Definitions;
use super::endpoints::Endpoints;
use super::fetch::Fetcher;
use super::query::Query;
use super::selector::Selector;

/// Enough for a pod that is well, and less than a rollout waits for a whole measurement.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A large page of a large service has 1 MiB.
const BYTES: usize = 8 * 1024 * 1024;

/// Bounds memory to this many pages at a time, and is large so that endpoints that hang do not add up.
const CONCURRENCY: usize = 64;

/// Settings of a [`Scrape`]; see [`Scrape::builder`].
pub struct ScrapeBuilder {
    endpoints: Box<dyn Endpoints>,
    clock: Option<Arc<dyn Clock>>,
    definitions: Definitions,
    timeout: Duration,
    bytes: usize,
    concurrency: usize,
    bearer_token: Option<String>,
}

/// Settings that make no source. The caller must change them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    /// A limit is zero, so that nothing could ever be scraped.
    #[error("the {0} of a scrape must not be zero")]
    Zero(&'static str),
    /// The token cannot be sent.
    #[error(
        "the bearer token holds characters that no HTTP header can carry, such as a line feed at its end"
    )]
    BearerToken,
    /// No guard could ever name this query.
    #[error("query({0}) is no metric: use letters, digits and `_-.:`")]
    QueryName(String),
    /// The HTTP client could not be set up, by lack of a trust store for instance.
    #[error("the HTTP client could not be set up")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ScrapeBuilder {
    pub(crate) fn new(endpoints: impl Endpoints + 'static) -> Self {
        Self {
            endpoints: Box::new(endpoints),
            clock: None,
            definitions: Definitions::default(),
            timeout: TIMEOUT,
            bytes: BYTES,
            concurrency: CONCURRENCY,
            bearer_token: None,
        }
    }

    /// Who knows the hour. By default the machine's own clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How long an endpoint has for its whole page; 3 s by default. Keep it well below the plan's time-out for a
    /// call: one endpoint that hangs holds up the measurement this long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How large a page may be; 8 MiB by default. What is larger counts as a failed scrape.
    #[must_use]
    pub fn byte_limit(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How many endpoints are asked at the same time; 64 by default.
    #[must_use]
    pub fn concurrency(mut self, endpoints: usize) -> Self {
        self.concurrency = endpoints;
        self
    }

    /// A token that is sent to every endpoint whose URL has no user of its own.
    #[must_use]
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.bearer_token = Some(token.into());
        self
    }

    /// The counter of all requests; `http_requests_total` by default. Behind `error_rate`, `availability` and
    /// `request_rate`.
    #[must_use]
    pub fn requests(mut self, counter: Selector) -> Self {
        self.definitions.requests = counter;
        self
    }

    /// The part of the [requests](Self::requests) that failed; by default those of `http_requests_total` whose label
    /// `code` or `status` starts with 5.
    #[must_use]
    pub fn errors(mut self, counter: Selector) -> Self {
        self.definitions.errors = counter;
        self
    }

    /// The histogram of latencies in seconds, by its name without `_bucket`; `http_request_duration_seconds` by
    /// default. Behind all quantiles.
    #[must_use]
    pub fn latency(mut self, histogram: Selector) -> Self {
        self.definitions.latency = histogram;
        self
    }

    /// The counter of seconds on a processor; `process_cpu_seconds_total` by default. `cpu` is the cores that all
    /// endpoints of the track keep busy together.
    #[must_use]
    pub fn cpu(mut self, counter: Selector) -> Self {
        self.definitions.cpu = counter;
        self
    }

    /// The gauge of bytes in use; `process_resident_memory_bytes` by default. `memory` is the largest endpoint of
    /// the track, which compares tracks of different size and shows the one that leaks.
    #[must_use]
    pub fn memory(mut self, gauge: Selector) -> Self {
        self.definitions.memory = gauge;
        self
    }

    /// The gauge of when the process began, in seconds; `process_start_time_seconds` by default. Behind `restarts`,
    /// and tells a restart whose counters have already grown past their old values.
    #[must_use]
    pub fn start_time(mut self, gauge: Selector) -> Self {
        self.definitions.started = gauge;
        self
    }

    /// Makes `query(name)` a metric that guards can name. A second query of the same name takes its place.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, query: Query) -> Self {
        self.definitions.queries.insert(name.into(), query);
        self
    }

    /// The source.
    ///
    /// # Errors
    /// [`ScrapeError`] says which setting makes no sense.
    pub fn build(self) -> Result<Scrape, ScrapeError> {
        self.check()?;
        let authorization = self.bearer_token.as_deref().map(bearer).transpose()?;
        let fetcher = Fetcher::new(authorization, self.timeout, self.bytes)
            .map_err(|error| ScrapeError::Client(error.into()))?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        Ok(Scrape::new(self.endpoints, fetcher, clock, self.concurrency, &self.definitions))
    }

    fn check(&self) -> Result<(), ScrapeError> {
        let limits = [
            ("time-out", self.timeout.is_zero()),
            ("byte limit", self.bytes == 0),
            ("concurrency", self.concurrency == 0),
        ];
        if let Some((name, _)) = limits.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(ScrapeError::Zero(name));
        }
        match self.definitions.queries.keys().find(|name| !can_be_named(name)) {
            Some(name) => Err(ScrapeError::QueryName(name.clone())),
            None => Ok(()),
        }
    }
}

/// Whether a guard that is written out can mean this query.
fn can_be_named(name: &str) -> bool {
    let metric = Metric::Query(name.to_owned());
    metric.to_string().parse().is_ok_and(|read: Metric| read == metric)
}

fn bearer(token: &str) -> Result<HeaderValue, ScrapeError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ScrapeError::BearerToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Neither the token nor the endpoints, whose URLs may hold passwords.
impl std::fmt::Debug for ScrapeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScrapeBuilder")
            .field("definitions", &self.definitions)
            .field("timeout", &self.timeout)
            .field("bytes", &self.bytes)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::FixedEndpoints;
    use super::*;

    fn builder() -> ScrapeBuilder {
        ScrapeBuilder::new(FixedEndpoints::new().stable("http://me:hunter2@127.0.0.1/"))
    }

    fn refusal(builder: ScrapeBuilder) -> String {
        builder.build().unwrap_err().to_string()
    }

    #[test]
    fn settings_that_make_no_source_are_refused() {
        assert_eq!(refusal(builder().timeout(Duration::ZERO)), "the time-out of a scrape must not be zero");
        assert_eq!(refusal(builder().byte_limit(0)), "the byte limit of a scrape must not be zero");
        assert_eq!(refusal(builder().concurrency(0)), "the concurrency of a scrape must not be zero");
        let query = Query::rate(Selector::metric("jobs_total"));
        assert!(refusal(builder().query("my jobs", query)).starts_with("query(my jobs) is no metric"));
    }

    #[test]
    fn secrets_show_nowhere() {
        let refused = refusal(builder().bearer_token("hunter2\n"));
        let set_up = builder().bearer_token("hunter2");
        let shown = format!("{refused} {set_up:?} {:?}", builder().bearer_token("hunter2").build().unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
