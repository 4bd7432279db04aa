//! What runs: one folder for each kind of workload.

mod autoscaler;
mod image;
mod pair;
mod pods;
mod replica_sets;
mod status;

pub use pair::{DeploymentPair, Labels};
