//! Scrapes the Prometheus text format straight from the endpoints of both tracks. No Prometheus server is needed.
//!
//! # What is counted
//! - Counters and histograms by difference, series by series, then summed. A drop means that the process began anew:
//!   the new value is the difference.
//! - A series that appears late (`code="500"`, hopefully) counts from zero, as do all series of an endpoint that is
//!   first listed while the source is watching, unless its page says that it has run for longer. What an endpoint had
//!   counted before the source began never counts.
//! - An endpoint that vanishes leaves what it has counted.
//! - Histograms of endpoints that disagree about their buckets are summed at the edges they have in common.
//!
//! # What fails
//! An endpoint that hangs, refuses, redirects or sends too much or what is no page is a failed scrape, and each
//! scrape is a health check: `health_check_failures` is the failed share. As long as one endpoint of a track answers
//! the track is measured. If none does its other metrics are no data.

mod address;
mod baselines;
mod both;
mod builder;
mod catalogue;
mod cumulative;
mod definitions;
mod endpoints;
mod exposition;
mod failure;
mod fetch;
mod ledger;
mod memory;
mod page;
mod query;
mod selector;
mod silence;
mod source;
mod total;
mod view;

pub use builder::{ScrapeBuilder, ScrapeError};
pub use endpoints::{Endpoints, FixedEndpoints};
pub use query::Query;
pub use selector::Selector;
pub use source::Scrape;
