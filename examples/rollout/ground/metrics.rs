//! What a server tells about itself, in the text format that Prometheus reads.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::StatusCode;

use super::time;

/// Upper bounds of the buckets, and each as the text format writes it.
const BOUNDS: [(Duration, &str); 9] = [
    (Duration::from_millis(5), "0.005"),
    (Duration::from_millis(10), "0.01"),
    (Duration::from_millis(25), "0.025"),
    (Duration::from_millis(50), "0.05"),
    (Duration::from_millis(100), "0.1"),
    (Duration::from_millis(250), "0.25"),
    (Duration::from_millis(500), "0.5"),
    (Duration::from_secs(1), "1"),
    (Duration::from_millis(2500), "2.5"),
];

pub(crate) struct ServerMetrics {
    started: Duration,
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Requests per bucket, not yet added up; the last one has no upper bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

impl ServerMetrics {
    pub(crate) fn new() -> Self {
        Self {
            started: time::since_epoch(),
            succeeded: AtomicU64::default(),
            failed: AtomicU64::default(),
            buckets: Default::default(),
            micros: AtomicU64::default(),
        }
    }

    pub(crate) fn record(&self, status: StatusCode, latency: Duration) {
        let code = if status.is_server_error() { &self.failed } else { &self.succeeded };
        code.fetch_add(1, Relaxed);
        let bucket = BOUNDS.iter().position(|(bound, _)| latency <= *bound).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.micros.fetch_add(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(1024);
        // Writing to a string does not fail.
        let _ = self.write_counters(&mut text).and_then(|()| self.write_histogram(&mut text));
        text
    }

    fn write_counters(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "# HELP process_start_time_seconds When this process started, as Unix time.")?;
        writeln!(out, "# TYPE process_start_time_seconds gauge")?;
        writeln!(out, "process_start_time_seconds {}", Seconds(self.started))?;
        writeln!(out, "# HELP http_requests_total Requests answered, by status code.")?;
        writeln!(out, "# TYPE http_requests_total counter")?;
        writeln!(out, "http_requests_total{{code=\"200\"}} {}", self.succeeded.load(Relaxed))?;
        writeln!(out, "http_requests_total{{code=\"500\"}} {}", self.failed.load(Relaxed))
    }

    fn write_histogram(&self, out: &mut String) -> std::fmt::Result {
        const NAME: &str = "http_request_duration_seconds";
        writeln!(out, "# HELP {NAME} Time from a request to its answer.")?;
        writeln!(out, "# TYPE {NAME} histogram")?;
        let bounds = BOUNDS.iter().map(|(_, text)| *text).chain(["+Inf"]);
        let mut total = 0;
        for (bound, bucket) in bounds.zip(&self.buckets) {
            total += bucket.load(Relaxed);
            writeln!(out, "{NAME}_bucket{{le=\"{bound}\"}} {total}")?;
        }
        let sum = Duration::from_micros(self.micros.load(Relaxed));
        writeln!(out, "{NAME}_sum {}\n{NAME}_count {total}", Seconds(sum))
    }
}

struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_and_codes_are_told_apart() {
        let metrics = ServerMetrics::new();
        metrics.record(StatusCode::OK, Duration::from_millis(5));
        metrics.record(StatusCode::OK, Duration::from_millis(30));
        metrics.record(StatusCode::INTERNAL_SERVER_ERROR, Duration::from_secs(9));
        let text = metrics.text();
        for line in [
            "http_requests_total{code=\"200\"} 2",
            "http_requests_total{code=\"500\"} 1",
            "http_request_duration_seconds_bucket{le=\"0.005\"} 1",
            "http_request_duration_seconds_bucket{le=\"0.025\"} 1",
            "http_request_duration_seconds_bucket{le=\"0.05\"} 2",
            "http_request_duration_seconds_bucket{le=\"2.5\"} 2",
            "http_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "http_request_duration_seconds_sum 9.035000",
            "http_request_duration_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
