//! What runs: one folder for each kind of workload.

mod autoscaler;
pub(crate) mod image;
mod look;
mod pair;
mod pods;
mod replica_sets;
pub(crate) mod twin;

pub(crate) use look::Look;
pub use pair::{DeploymentPair, Labels};
