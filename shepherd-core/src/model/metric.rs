use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Quantile;

/// What is measured of a track. Each has one meaning, whatever the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Metric {
    /// `error_rate`: failed requests of all requests. A [share](super::Sample::Share).
    ErrorRate,
    /// `availability`: requests that did not fail of all requests. A [share](super::Sample::Share).
    Availability,
    /// `p50`, `p95`, `p99`, `p99.9`: a latency quantile. A [histogram](super::Sample::Histogram) or a
    /// [number](super::Sample::Number) of seconds.
    Latency(Quantile),
    /// `request_rate`: requests a second. A [number](super::Sample::Number).
    RequestRate,
    /// `health_check_failures`: failed health checks of all health checks. A [share](super::Sample::Share).
    HealthCheckFailures,
    /// `restarts`: how often replicas restarted since the last look. A [number](super::Sample::Number).
    Restarts,
    /// `cpu`: cores in use. A [number](super::Sample::Number).
    Cpu,
    /// `memory`: bytes in use. A [number](super::Sample::Number).
    Memory,
    /// `query(name)`: a query that the source knows by this name. A [number](super::Sample::Number) or a
    /// [share](super::Sample::Share).
    Query(String),
}

/// What the numbers of a metric count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// A part of a whole; written in percent.
    Share,
    /// Seconds; written as a duration.
    Seconds,
    /// Times a second.
    PerSecond,
    /// Bytes; written with or without `KiB`, `MiB`, `GiB`.
    Bytes,
    /// A plain number.
    Plain,
}

impl Metric {
    /// The metrics with a name of their own, as people write them.
    pub const NAMES: [&'static str; 12] = [
        "error_rate",
        "availability",
        "p50",
        "p90",
        "p95",
        "p99",
        "p99.9",
        "request_rate",
        "health_check_failures",
        "restarts",
        "cpu",
        "memory",
    ];

    /// What its numbers count.
    pub fn unit(&self) -> Unit {
        match self {
            Metric::ErrorRate | Metric::Availability | Metric::HealthCheckFailures => Unit::Share,
            Metric::Latency(_) => Unit::Seconds,
            Metric::RequestRate => Unit::PerSecond,
            Metric::Memory => Unit::Bytes,
            Metric::Restarts | Metric::Cpu | Metric::Query(_) => Unit::Plain,
        }
    }

    /// Whether it says something only while the track is sent requests.
    pub fn needs_traffic(&self) -> bool {
        matches!(self, Metric::ErrorRate | Metric::Availability | Metric::Latency(_) | Metric::RequestRate)
    }
}

/// A text that names no metric.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no metric: write one of {}, or query(NAME) for a query of your own", Metric::NAMES.join(", "))]
pub struct UnknownMetric {
    value: String,
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        let unknown = || UnknownMetric { value: text.chars().take(80).collect() };
        Ok(match text {
            "error_rate" => Metric::ErrorRate,
            "availability" => Metric::Availability,
            "request_rate" => Metric::RequestRate,
            "health_check_failures" => Metric::HealthCheckFailures,
            "restarts" => Metric::Restarts,
            "cpu" => Metric::Cpu,
            "memory" => Metric::Memory,
            text => match text.strip_prefix("query(") {
                Some(rest) => Metric::Query(query(rest).ok_or_else(unknown)?),
                None => Metric::Latency(text.parse().map_err(|_| unknown())?),
            },
        })
    }
}

fn query(rest: &str) -> Option<String> {
    let name = rest.strip_suffix(')')?.trim();
    let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
    fits.then(|| name.to_owned())
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::ErrorRate => f.pad("error_rate"),
            Metric::Availability => f.pad("availability"),
            Metric::Latency(quantile) => quantile.fmt(f),
            Metric::RequestRate => f.pad("request_rate"),
            Metric::HealthCheckFailures => f.pad("health_check_failures"),
            Metric::Restarts => f.pad("restarts"),
            Metric::Cpu => f.pad("cpu"),
            Metric::Memory => f.pad("memory"),
            Metric::Query(name) => f.pad(&format!("query({name})")),
        }
    }
}

impl TryFrom<String> for Metric {
    type Error = UnknownMetric;
    fn try_from(text: String) -> Result<Self, UnknownMetric> {
        text.parse()
    }
}

impl From<Metric> for String {
    fn from(metric: Metric) -> String {
        metric.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints() {
        for name in Metric::NAMES.into_iter().chain(["query(checkout:rate5m)", "p99.5"]) {
            assert_eq!(name.parse::<Metric>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn refuses_what_has_no_meaning() {
        for bad in ["", "errors", "p", "p0", "p100", "p95.55", "query()", "query(a b)", "query(a"] {
            assert!(bad.parse::<Metric>().is_err(), "{bad}");
        }
    }
}
