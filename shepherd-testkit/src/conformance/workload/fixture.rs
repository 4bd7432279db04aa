use std::collections::BTreeMap;

use async_trait::async_trait;
use shepherd_core::model::{Replicas, Revision, Track};
use shepherd_core::ports::Workload;

use crate::conformance::{Opened, Patience};

/// A backend of its own for one promise, and workloads on it. Cleans up when dropped.
#[async_trait]
pub trait WorkloadFixture: Send + Sync {
    /// The workload that is tried.
    type Workload: Workload;

    /// A workload on this fixture's backend: the first one finds nothing deployed (but [in place](Self::in_place)) and
    /// no mark; every further one finds what those before it left, as another process would.
    async fn open(&self) -> Opened<Self::Workload>;

    /// Whether the backend can hold marks.
    fn holds_marks(&self) -> bool;

    /// Two revisions that become ready.
    fn revisions(&self) -> [Revision; 2];

    /// A revision that never becomes ready, and of which the backend says why. None where no revision can fail; the
    /// suite then holds the workload to calling none failing.
    fn failing(&self) -> Option<Revision>;

    /// How many replicas there are, at least 3, where both sides live in one object that runs so many altogether: what
    /// one side gains the other one loses, and stable keeps its revision until the next rollout. Then the first
    /// workload finds all of them running the first of the [revisions](Self::revisions), and what [serves](Self::serving)
    /// of that one is stable's. None where each side has replicas of its own.
    fn in_place(&self) -> Option<Replicas> {
        None
    }

    /// How many replicas of which revision take requests on a side now, in one look: asked of the backend, not of the
    /// workload that is tried.
    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>>;

    /// How long replicas may take to become ready, or to end.
    fn patience(&self) -> Patience {
        Patience::default()
    }
}
