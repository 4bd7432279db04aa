//! What Shepherd hears over HTTP: sources of metrics.
//!
//! [`Scrape`] reads the Prometheus text format straight from the endpoints of the service that is rolled out, so a
//! rollout can be guarded with nothing else installed.
//!
//! # Cargo features
//! - `tls` (off by default): endpoints behind https.

#![deny(missing_docs)]

pub mod scrape;

pub use scrape::Scrape;
