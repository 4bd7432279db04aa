//! Blue/green: two Deployments and one Service that sends to one of them.

mod deployments;
#[allow(clippy::module_inception)]
mod blue_green;
mod selector;
mod sides;

pub use blue_green::BlueGreenService;
pub use deployments::BlueGreenDeployments;
pub use selector::ServiceSelector;
