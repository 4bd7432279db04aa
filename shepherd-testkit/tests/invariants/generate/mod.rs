//! Random rollouts as plain data, so that a failure shrinks to something that a person can read.

mod case;
mod plans;
mod strategies;
mod world;

use std::time::Duration;

use shepherd_core::model::{Actor, Revision, Weight};

pub(crate) use case::*;
pub(crate) use strategies::*;

pub(crate) fn secs(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

pub(crate) fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

pub(crate) fn actor(name: &str) -> Actor {
    Actor::new(name).unwrap()
}

fn percent(percent: u32) -> Weight {
    Weight::percent(percent).unwrap()
}
