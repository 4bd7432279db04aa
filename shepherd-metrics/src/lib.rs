//! What Shepherd hears over HTTP: sources of metrics.
//!
//! [`Scrape`] reads the Prometheus text format straight from the endpoints of the service that is rolled out, so a
//! rollout can be guarded with nothing else installed. It is a
//! [`MetricsSource`](shepherd_core::ports::MetricsSource): bind it by `measured_by`.
//!
//! ```
//! use shepherd_core::model::{Metric, Track};
//! use shepherd_core::ports::MetricsSource;
//! use shepherd_metrics::scrape::{Query, Scrape, Selector};
//!
//! let pods = |track: Track| match track {
//!     Track::Stable => vec!["http://10.0.0.7:9090/metrics".to_owned()],
//!     Track::Candidate => vec!["http://10.0.0.8:9090/metrics".to_owned()],
//! };
//! let source = Scrape::builder(pods)
//!     .query("backlog", Query::gauge_max(Selector::metric("queue_length")))
//!     .build()?;
//! assert!(source.supports(&Metric::ErrorRate));
//! assert!(source.supports(&Metric::Query("backlog".into())));
//! # Ok::<(), shepherd_metrics::scrape::ScrapeError>(())
//! ```
//!
//! What a guard's metric means here, unless the builder is told otherwise:
//!
//! | metric | made of |
//! |---|---|
//! | `error_rate`, `availability` | `http_requests_total`; failed are those whose label `code` or `status` starts with 5 |
//! | `request_rate` | `http_requests_total` |
//! | `p50` to `p99.9` | the histogram `http_request_duration_seconds` |
//! | `health_check_failures` | the scrapes themselves: one that fails is a failed health check |
//! | `restarts` | `process_start_time_seconds` |
//! | `cpu` | `process_cpu_seconds_total`: the cores that all endpoints of the track keep busy together |
//! | `memory` | `process_resident_memory_bytes`: the largest endpoint of the track |
//! | `query(name)` | what [`ScrapeBuilder::query`](scrape::ScrapeBuilder::query) says |
//!
//! How restarts, late series and endpoints that come and go are counted is told in [`scrape`].
//!
//! # Cargo features
//! - `tls` (off by default): endpoints behind https, by rustls with aws-lc. Where something else in the program brings
//!   rustls another provider, such as kube's feature `ring`, rustls chooses none: install one when the program starts.

#![deny(missing_docs)]

pub mod scrape;

pub use scrape::Scrape;
