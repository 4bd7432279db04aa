//! The processes in the pods: kwok writes the status that a kubelet would, these listen and answer at the pods'
//! addresses.

mod behaviour;
mod keeper;
mod life;
mod meter;
mod reading;
mod script;
mod server;
mod state;
mod summary;

pub use behaviour::Behaviour;
pub(super) use keeper::Keeper;
pub use script::PodScript;
pub use summary::summary;
