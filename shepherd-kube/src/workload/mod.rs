//! What runs: one folder for each kind of workload.

mod autoscaler;
mod image;
mod in_place;
mod pair;
mod pods;
mod replica_sets;
mod status;

pub use in_place::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};
pub use pair::{DeploymentPair, Labels};
