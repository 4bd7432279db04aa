//! Blue/green: two Deployments and one Service that sends to one of them.

#[allow(clippy::module_inception)]
mod blue_green;
mod deployments;
mod grounded;
mod selector;
mod sides;

pub use blue_green::BlueGreenService;
pub use deployments::BlueGreenDeployments;
pub use selector::ServiceSelector;
