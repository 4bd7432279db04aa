//! Two Deployments beside each other: the one that people own, and the candidate that Shepherd makes after it.

mod candidate;
mod look;
mod pair;

pub use candidate::Labels;
pub use pair::DeploymentPair;
