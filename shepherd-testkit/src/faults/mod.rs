//! Faults on purpose: which call, the how many-th, and what becomes of it. One plan of faults serves a whole
//! [simulation](crate::simulation::Simulation), and any port through [`Faulty`].

mod call;
mod fault;
#[allow(clippy::module_inception, reason = "one main type per file, and it has the name of its room")]
mod faults;
mod faulty;
mod garbage;
mod plan;
mod ports;

pub use call::Call;
pub use fault::Fault;
pub use faults::Faults;
pub use faulty::Faulty;
pub use plan::FaultPlan;

pub(crate) use garbage::Garbage;
