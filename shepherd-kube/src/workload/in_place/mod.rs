//! Both tracks inside one object: rolling updates, batch by batch, by the object's own controller.
//!
//! An object has one count and one template. Shepherd sets them so that its controller makes as many replicas of each
//! track as the rollout asks for, and no step more; what each track was asked to be, and the marks of both, stand in
//! annotations of the object, written in the same patch. The image of one container is the revision.

mod beside;
mod daemon_set;
mod deployment;
mod grounded;
mod kind;
mod one_object;
mod originals;
mod replica;
mod shape;
mod stateful_set;
mod tracks;
mod turn;
mod version;

pub use daemon_set::InPlaceDaemonSet;
pub use deployment::InPlaceDeployment;
pub use stateful_set::InPlaceStatefulSet;
