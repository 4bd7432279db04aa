//! A machine against a simulated world, without a driver, without async and without time passing: a whole rollout in
//! microseconds, with whatever is to go wrong in it.

mod crash;
mod glance;
mod queue;
mod report;
mod run;
#[allow(clippy::module_inception, reason = "one main type per file, and it has the name of its room")]
mod simulation;

pub use crash::{Crash, Kept, Wire};
pub use glance::Glance;
pub use report::{Ended, Refused, SimReport};
pub use simulation::Simulation;
