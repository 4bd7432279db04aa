//! What runs: one folder for each kind of workload.

mod autoscaler;
mod pair;
mod pods;
mod replica_sets;

pub use pair::{DeploymentPair, Labels};
