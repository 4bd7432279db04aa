//! Two Deployments beside each other: the one that people own, and the candidate that Shepherd makes after it.

mod labels;
mod pair;

pub use labels::Labels;
pub use pair::DeploymentPair;
