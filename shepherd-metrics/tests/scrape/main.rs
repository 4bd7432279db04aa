//! The scraping source against real HTTP servers on loopback, well behaved and not.

#![allow(clippy::unwrap_used, reason = "the setup of a test")]
#![allow(clippy::float_cmp, reason = "whole numbers are exact")]

mod conformance;
mod counting;
mod cursors;
mod misbehaving;
mod pod;
mod secrets;
mod setup;
