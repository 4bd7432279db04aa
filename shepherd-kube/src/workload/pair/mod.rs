//! Two Deployments beside each other: the one that people own, and the candidate that Shepherd makes after it.

mod candidate;
mod external;
mod grounded;
mod labels;
mod leftovers;
#[allow(clippy::module_inception, reason = "one main type per file, and it has the name of its room")]
mod pair;
mod promote_by;
mod recipe;
mod refusals;
mod scene;
mod side;
mod switch;
mod writes;

pub use labels::Labels;
pub use pair::DeploymentPair;
pub use promote_by::PromoteBy;
