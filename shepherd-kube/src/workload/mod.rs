//! What runs: one folder for each kind of workload.

mod autoscaler;
pub(crate) mod endpoints;
pub(crate) mod image;
mod in_place;
mod look;
mod pair;
pub(crate) mod pods;
pub(crate) mod replica_sets;
pub(crate) mod twin;

pub use in_place::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};
pub(crate) use look::Look;
pub use pair::{DeploymentPair, Labels};
