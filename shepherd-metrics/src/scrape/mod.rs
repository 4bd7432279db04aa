//! Scrapes the Prometheus text format.

mod exposition;
