use std::sync::Arc;

use async_trait::async_trait;
use kube::Client;
use serde_json::{Value, json};
use shepherd_core::model::{Fence, Mark, Track, TrackSpec, WorkloadState};
use shepherd_core::ports::{Clock, PortError, Workload};

use super::beside::Beside;
use super::kind::{Batch, Ending, Kind};
use super::one_object::InPlace;
use super::replica::Replica;
use super::shape::{Shape, Way};
use super::version::Version;
use crate::Watches;
use crate::object::Edit;
use crate::workload::replica_sets::count;

/// A `DaemonSet` that is rolled out batch by batch: while both tracks have replicas its update strategy is `OnDelete`,
/// and Shepherd ends as many old pods as the batch asks for, those that are not ready first, then by the names of their
/// nodes.
///
/// It has as many replicas as there are nodes for it, and never more: roll with `max_surge` 0 and `max_unavailable` of
/// at least 1. A plan that asks for more is refused as unsupported. A node that joins meanwhile gets the new template.
///
/// The update strategy is what it was before in the same write that gives one track all of the nodes. The last pods
/// that are ready are then replaced by the set's own controller, at the speed that its people chose; where they chose
/// `OnDelete`, by Shepherd.
///
/// A replica counts as ready when its pod has been ready for the set's `minReadySeconds`. Whatever has the set for
/// itself when a rollout begins is its stable track. The first claim of a rollout is refused while
/// `revisionHistoryLimit` is 0.
///
/// # Permissions
/// | resource | verbs |
/// |---|---|
/// | `apps/daemonsets` | `get`, `patch` |
/// | `apps/controllerrevisions` | `list` |
/// | `pods` | `list`, `delete` |
///
/// # Cancel safety
/// Every call may be dropped at any await: what it has not done by then the same call again does.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_core::{driver::Rollout, strategy::{Count, Rolling}};
/// use shepherd_kube::workload::InPlaceDaemonSet;
///
/// let client = kube::Client::try_default().await?;
/// let rollout = Rollout::of("kube-system/agent".parse()?)
///     .strategy(Rolling::new().max_surge(Count::number(0)).max_unavailable("10%".parse()?))
///     .on(InPlaceDaemonSet::new(client, "kube-system", "agent"))
///     .build()?;
/// rollout.start("registry.example/agent:1.8.0".parse()?).await?.outcome().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct InPlaceDaemonSet(pub(super) InPlace<DaemonSet>);

impl InPlaceDaemonSet {
    /// The `DaemonSet` of this name.
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self(InPlace::new(client, namespace, name))
    }

    /// The container whose image is the revision; needed when there are several.
    #[must_use]
    pub fn container(self, name: impl Into<String>) -> Self {
        Self(self.0.container(name.into()))
    }

    /// Looks by these watches, and reaches the server by their client. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(self, watches: &Watches) -> Self {
        Self(self.0.watching(watches))
    }

    /// By whose wall clock a pod has been ready for long enough; the machine's own unless told otherwise.
    #[must_use]
    pub fn timed_by(self, clock: impl Clock + 'static) -> Self {
        Self(self.0.timed_by(Arc::new(clock)))
    }
}

#[async_trait]
impl Workload for InPlaceDaemonSet {
    fn place(&self) -> Option<String> {
        Workload::place(&self.0)
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.0.claim(fence).await
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        self.0.apply(spec, mark).await
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        self.0.observe().await
    }
}

pub(super) struct DaemonSet;

#[async_trait]
impl Kind for DaemonSet {
    const NAME: &'static str = "DaemonSet";
    const FIELDS: &'static [&'static str] = &["updateStrategy"];
    const SURGES: bool = false;
    const VERSIONS: (&'static str, &'static [&'static str]) = ("controllerrevisions", &["list"]);
    const PODS: &'static [&'static str] = &["list", "delete"];

    fn size(object: &Value) -> u32 {
        let nodes = object["status"]["desiredNumberScheduled"].as_u64();
        nodes.and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
    }

    fn counts(object: &Value) -> [u64; 3] {
        ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable"]
            .map(|field| count(object, field).into())
    }

    async fn versions(beside: &Beside<'_>, object: &Value) -> Result<Vec<Version>, PortError> {
        Version::of_records(beside, object).await
    }

    fn hold(edit: &mut Edit<'_>, _batch: &Batch<'_>) {
        edit.set(&["spec", "updateStrategy"], json!({"type": "OnDelete"}));
    }

    fn may_end(shape: Shape, way: Way) -> bool {
        // Before anything of a candidate came there is nothing of ours to end.
        shape != Shape::One(Track::Stable) || way == Way::Back
    }

    fn ends<'r>(ending: &Ending<'_>, mut old: Vec<&'r Replica>) -> Vec<&'r Replica> {
        old.sort_by(|one, other| (one.ready, &one.node).cmp(&(other.ready, &other.node)));
        match ending.shape {
            Shape::Both(both) => {
                let left = usize::try_from(both.left).unwrap_or(usize::MAX);
                old.truncate(old.len().saturating_sub(left));
            }
            Shape::One(Track::Stable) if is_on_delete(ending) && ending.whole => old.truncate(1),
            Shape::One(Track::Candidate) if is_on_delete(ending) => {}
            Shape::One(_) => old.retain(|replica| !replica.ready),
        }
        old
    }

    fn ends_in_turn(ending: &Ending<'_>) -> bool {
        ending.shape == Shape::One(Track::Stable) && is_on_delete(ending)
    }
}

/// Its own controller ends none, and has no number of those that may be missing.
fn is_on_delete(ending: &Ending<'_>) -> bool {
    ending.object["spec"]["updateStrategy"]["type"] == "OnDelete"
}
