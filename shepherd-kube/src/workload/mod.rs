//! What runs: one folder for each kind of workload.
//!
//! [`DeploymentPair`] has two objects beside each other, for every strategy. [`InPlaceDeployment`],
//! [`InPlaceStatefulSet`] and [`InPlaceDaemonSet`] have both tracks inside one object, for rolling updates:
//! - An object has one count and one template. Shepherd sets them so that its controller makes as many replicas of each
//!   track as the rollout asks for, and no step more; what each track was asked to be, and the marks of both, stand in
//!   annotations of the object, written in the same patch.
//! - Both tracks together always have at least the object's own count. Where a plan asks for fewer, those that go wait
//!   for those that come.
//! - What somebody gives the object in the midst of a rollout, another revision than that of either track, makes it
//!   theirs again: it is stable's, of all replicas, and with the way back the object's own update strategy rolls it out.
//! - Stable's revision cannot be changed during a rollout: plans promote by swap, as
//!   [`Rolling`](shepherd_core::strategy::Rolling) does. The first claim of the next rollout takes for stable what has
//!   the object for itself.
//! - The last batch begins when stable is asked to have none: with it the object is an ordinary one again, and what
//!   Shepherd had changed in it is what it was before. So it is when the candidate is asked to have none.
//! - An autoscaler that changes the count of replicas in the middle scales both tracks. Hold it still meanwhile.

mod autoscaler;
pub(crate) mod endpoints;
pub(crate) mod image;
mod in_place;
mod look;
mod pair;
pub(crate) mod pods;
mod replaceable;
pub(crate) mod replica_sets;
pub(crate) mod twin;

pub use in_place::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};
pub(crate) use look::Look;
pub use pair::{DeploymentPair, Labels, PromoteBy};
pub(crate) use replaceable::replaceable;
