//! A service that exists only in memory: replicas that take time to become ready, break and slow down, a router in
//! front of them, users who send requests, and a meter that counts what becomes of them.
//!
//! A [`World`] is plain and deterministic: time is an argument, and the same calls at the same times lead to the same
//! counts. [`SharedWorld`] puts the ports of Shepherd over it.

mod backend;
mod behaviour;
mod behaviours;
mod curve;
mod flow;
mod history;
mod judge;
mod latency;
mod meter;
mod pod;
mod ports;
mod road;
mod shared;
mod side;
mod tally;
mod violation;
#[allow(clippy::module_inception, reason = "one main type per file, and it has the name of its room")]
mod world;
mod write;

pub use behaviour::Behaviour;
pub use curve::{Curve, Moment};
pub use ports::{WorldGate, WorldMetrics, WorldRouter, WorldWorkload};
pub use shared::SharedWorld;
pub use tally::Tally;
pub use violation::{Violation, Wrong};
pub use world::World;
pub use write::{Write, Written};

use behaviours::Behaviours;
use history::History;
use meter::Meter;
use pod::Pod;
use road::Road;
use side::Side;
