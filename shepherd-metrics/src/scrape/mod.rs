//! Scrapes the Prometheus text format.

mod address;
mod both;
mod catalogue;
mod cumulative;
mod exposition;
mod failure;
mod ledger;
mod memory;
mod page;
mod selector;
mod total;

pub use selector::Selector;
