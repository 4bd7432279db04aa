//! Shepherd on Kubernetes.
//!
//! Every change of an object that lives on is one JSON patch: it tests what it relies on, changes a few fields, and
//! leaves a mark beside them, all or nothing. So a driver that was superseded, or a person with an editor, is found
//! out by the server itself.

pub mod blue_green;
mod events;
pub mod gate;
mod object;
pub mod preflight;
pub mod registry;
pub mod router;
pub mod store;
mod time;
mod watch;
pub mod workload;

pub use events::KubeEvents;
pub use watch::Watches;
