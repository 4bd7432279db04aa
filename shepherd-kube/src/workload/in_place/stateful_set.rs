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

/// A `StatefulSet` that is rolled out batch by batch, from its highest ordinal down, by its `partition`.
///
/// It never has more replicas than it shall have: roll with `max_surge` 0 and `max_unavailable` of at least 1. A plan
/// that asks for more is refused as unsupported.
///
/// On the way back the candidate's pods that are not ready are ended by Shepherd once the template is stable's again:
/// the controller of an ordered set waits for such a pod and would never replace it. All others it replaces itself.
///
/// The update strategy is what it was before in the same write that gives one track all of the replicas. Where it was
/// `OnDelete`, or had a partition, it would keep the last ones from being replaced: then it is put back, in a write of
/// its own, when they are, and until then that call answers a transient failure.
///
/// A replica counts as ready when its pod has been ready for the set's `minReadySeconds`. Whatever has the set for
/// itself when a rollout begins is its stable track. The first claim of a rollout is refused while
/// `revisionHistoryLimit` is 0.
///
/// # Permissions
/// | resource | verbs |
/// |---|---|
/// | `apps/statefulsets` | `get`, `patch` |
/// | `apps/controllerrevisions` | `list` |
/// | `pods` | `list`, `delete` |
///
/// # Cancel safety
/// Every call may be dropped at any await: what it has not done by then the same call again does.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_core::{driver::Rollout, strategy::{Count, Rolling}};
/// use shepherd_kube::workload::InPlaceStatefulSet;
///
/// let client = kube::Client::try_default().await?;
/// let rollout = Rollout::of("shop/db".parse()?)
///     .strategy(Rolling::new().max_surge(Count::number(0)).max_unavailable(Count::number(1)))
///     .on(InPlaceStatefulSet::new(client, "shop", "db"))
///     .build()?;
/// rollout.start("registry.example/db:17.2".parse()?).await?.outcome().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct InPlaceStatefulSet(pub(super) InPlace<StatefulSet>);

impl InPlaceStatefulSet {
    /// The `StatefulSet` of this name.
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
impl Workload for InPlaceStatefulSet {
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

pub(super) struct StatefulSet;

#[async_trait]
impl Kind for StatefulSet {
    const NAME: &'static str = "StatefulSet";
    const FIELDS: &'static [&'static str] = &["updateStrategy"];
    const SURGES: bool = false;
    const VERSIONS: (&'static str, &'static [&'static str]) = ("controllerrevisions", &["list"]);
    const PODS: &'static [&'static str] = &["list", "delete"];

    fn size(object: &Value) -> u32 {
        object["spec"]["replicas"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(1)
    }

    fn counts(object: &Value) -> [u64; 3] {
        ["replicas", "updatedReplicas", "availableReplicas"].map(|field| count(object, field).into())
    }

    async fn versions(beside: &Beside<'_>, object: &Value) -> Result<Vec<Version>, PortError> {
        Version::of_records(beside, object).await
    }

    /// Pods from the partition on are of the template. On the way back those that were never touched need not be, and
    /// those that are left of the candidate come right after them.
    fn hold(edit: &mut Edit<'_>, batch: &Batch<'_>) {
        let left = batch.both.left;
        let partition = match batch.both.coming {
            Track::Candidate => left,
            Track::Stable => batch.never_touched + left,
        };
        edit.set(&["spec", "updateStrategy"], partitioned(batch.original("updateStrategy"), partition));
    }

    fn spreading(strategy: &Value) -> Option<Value> {
        let partition = strategy["rollingUpdate"]["partition"].as_u64().unwrap_or(0);
        (partition > 0 || strategy["type"] == "OnDelete").then(|| partitioned(strategy, 0))
    }

    fn may_end(_shape: Shape, way: Way) -> bool {
        way == Way::Back
    }

    fn ends<'r>(_ending: &Ending<'_>, old: Vec<&'r Replica>) -> Vec<&'r Replica> {
        old.into_iter().filter(|replica| !replica.ready).collect()
    }
}

/// A rolling update from this ordinal on, in all else as its people want it.
fn partitioned(strategy: &Value, partition: u32) -> Value {
    let mut rolling = strategy["rollingUpdate"].as_object().cloned().unwrap_or_default();
    rolling.insert("partition".to_owned(), partition.into());
    json!({"type": "RollingUpdate", "rollingUpdate": rolling})
}
