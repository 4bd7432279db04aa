use std::sync::Arc;

use async_trait::async_trait;
use kube::Client;
use serde_json::{Value, json};
use shepherd_core::model::{Fence, Mark, Revision, TrackSpec, WorkloadState};
use shepherd_core::ports::{Clock, PortError, Workload};

use super::beside::Beside;
use super::kind::{Batch, Kind, Obstacle, no_history};
use super::one_object::InPlace;
use super::turn;
use super::version::Version;
use crate::Watches;
use crate::object::Edit;
use crate::workload::replica_sets::count;

/// A Deployment that is rolled out batch by batch, by its own controller.
///
/// While both tracks have replicas, its `minReadySeconds` is so large that no new pod ever counts as available. Then
/// `maxSurge` and `maxUnavailable` alone decide how many there are of each track, and Shepherd sets them for each batch.
/// These fields and `progressDeadlineSeconds` are what they were before in the same write that gives one track all of
/// the replicas: no pod restarts because of it. Meanwhile `availableReplicas` is low, and `kubectl rollout status`
/// waits.
///
/// On the way back the template is stable's again, and its `ReplicaSet` the controller's new one. The controller would
/// let as many others end as it still takes stable's for available; so that set gets the same `minReadySeconds` first,
/// and the template changes once the controller has seen it.
///
/// A replica counts as ready when its pod has been ready for the `minReadySeconds` of the Deployment's people.
///
/// The way back takes the whole template of stable's `ReplicaSet`, where more than the image differs. Without any
/// history (`revisionHistoryLimit: 0`) there is no such way, and the first claim of a rollout is refused; so it is
/// while the Deployment is paused.
///
/// Whatever has the Deployment for itself when a rollout begins is its stable track.
///
/// # Permissions
/// | resource | verbs |
/// |---|---|
/// | `apps/deployments` | `get`, `patch` |
/// | `apps/replicasets` | `list`, `patch` |
/// | `pods` | `list` |
///
/// # Cancel safety
/// Every call may be dropped at any await: what it has not done by then the same call again does.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_core::{driver::Rollout, strategy::{Count, Rolling}};
/// use shepherd_kube::workload::InPlaceDeployment;
///
/// let client = kube::Client::try_default().await?;
/// let rollout = Rollout::of("shop/web".parse()?)
///     .strategy(Rolling::new().max_surge(Count::number(1)).max_unavailable(Count::number(0)))
///     .on(InPlaceDeployment::new(client, "shop", "web").container("app"))
///     .build()?;
/// rollout.start("registry.example/web:2.4.1".parse()?).await?.outcome().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct InPlaceDeployment(pub(super) InPlace<Deployment>);

impl InPlaceDeployment {
    /// The Deployment of this name.
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
impl Workload for InPlaceDeployment {
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

/// Just below the largest number: the deadline must be longer, and the largest one stands for none.
pub(super) const NEVER_AVAILABLE: u32 = 2_147_483_646;

pub(super) struct Deployment;

#[async_trait]
impl Kind for Deployment {
    const NAME: &'static str = "Deployment";
    const FIELDS: &'static [&'static str] = &["minReadySeconds", "progressDeadlineSeconds", "strategy"];
    const SURGES: bool = true;
    const TURNS: bool = true;
    const VERSIONS: (&'static str, &'static [&'static str]) = ("replicasets", &["list", "patch"]);
    const PODS: &'static [&'static str] = &["list"];

    fn size(object: &Value) -> u32 {
        object["spec"]["replicas"].as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(1)
    }

    fn obstacle(object: &Value) -> Option<Obstacle> {
        no_history(object)
            .or_else(|| (object["spec"]["paused"] == true).then_some(("it is paused", "resume it first")))
    }

    fn counts(object: &Value) -> [u64; 3] {
        ["replicas", "updatedReplicas", "availableReplicas"].map(|field| count(object, field).into())
    }

    async fn versions(beside: &Beside<'_>, object: &Value) -> Result<Vec<Version>, PortError> {
        Version::of_sets(beside, object).await
    }

    fn hold(edit: &mut Edit<'_>, batch: &Batch<'_>) {
        let (surge, unavailable) = (batch.both.surge(batch.all), batch.both.unavailable(batch.all));
        let numbers = json!({"maxSurge": surge, "maxUnavailable": unavailable});
        edit.set(&["spec", "minReadySeconds"], NEVER_AVAILABLE.into());
        edit.set(&["spec", "progressDeadlineSeconds"], (NEVER_AVAILABLE + 1).into());
        edit.set(&["spec", "strategy"], json!({"type": "RollingUpdate", "rollingUpdate": numbers}));
    }

    async fn may_turn(beside: &Beside<'_>, object: &Value, revision: &Revision) -> Result<bool, PortError> {
        turn::may_turn(beside, object, revision).await
    }
}
