//! What runs: one folder for each kind of workload.

mod autoscaler;
pub(crate) mod endpoints;
pub(crate) mod image;
mod look;
mod pair;
pub(crate) mod pods;
pub(crate) mod replica_sets;
pub(crate) mod twin;

pub(crate) use look::Look;
pub use pair::{DeploymentPair, Labels};
