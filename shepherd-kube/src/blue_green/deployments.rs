use std::fmt;

use async_trait::async_trait;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::Value;
use shepherd_core::model::{Fence, Mark, Track, TrackSpec, TrackState, WorkloadState};
use shepherd_core::ports::{PortError, Workload};

use super::sides::{Side, Sides, TRACK, cast, cast_as};
use crate::object::{Created, Edit, MARK, Object, mark_of, stamp};
use crate::watch::{Reach, Seen};
use crate::workload::replica_sets::Naming;
use crate::workload::{Look, image, replaceable, twin};

/// Runs blue and green. Which of them is stable each of them says in an annotation, from the first claim of a rollout
/// on, as the Service has it then.
///
/// Of each Deployment it changes the image of one container, the count of replicas, and two annotations.
pub struct BlueGreenDeployments {
    pub(super) sides: Sides,
    pub(super) service: Object,
    pub(super) deployments: [Object; 2],
}

impl BlueGreenDeployments {
    pub(super) fn new(reach: &Reach, sides: Sides) -> Self {
        let service = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Service"));
        let deployment = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", "Deployment"));
        let object = |kind, name: &str| Object::new(reach.clone(), kind, &sides.namespace, name);
        let deployments = Side::BOTH.map(|side| object(&deployment, sides.deployment(side)));
        Self { service: object(&service, &sides.service), deployments, sides }
    }

    pub(super) fn deployment(&self, side: Side) -> &Object {
        &self.deployments[side as usize]
    }

    /// The side that is stable as the router's claim has found it.
    async fn stable_for(&self, fence: &Fence) -> Result<Side, PortError> {
        let (place, service) = (self.service.place(), self.service.read().await?);
        // Who comes after a later owner has no say in it.
        Mark::claimed(mark_of(place, &service)?.as_ref(), fence)?;
        self.sides.stable(place, &service)
    }

    async fn claim_side(&self, side: Side, track: Track, fence: &Fence) -> Result<(), PortError> {
        let object = self.deployment(side);
        let claimed = object.change(|deployment| {
            let stored = mark_of(object.place(), deployment)?;
            let mut edit = Edit::of(deployment);
            stamp(&mut edit, &Mark::claimed(stored.as_ref(), fence)?);
            cast(&mut edit, track);
            Ok(edit.into())
        });
        claimed.await.map(drop)
    }

    /// A side that has never been there is made after the other one, without replicas.
    async fn make(&self, side: Side, after: &Value, fence: &Fence) -> Result<Created, PortError> {
        let (label, value) = (self.sides.label.as_str(), self.sides.value(side));
        let mut made =
            twin::deployment(after, self.sides.deployment(side), twin::Relabel::Side { label, value });
        let mark = serde_json::to_string(&Mark::claimed(None, fence)?).unwrap_or_default();
        made["metadata"]["annotations"] =
            serde_json::json!({MARK: mark, TRACK: Track::Candidate.to_string()});
        self.deployment(side).create(&made).await
    }

    /// The Deployment that is a track: as the two of them say themselves, or else as the Service has it.
    async fn of(&self, track: Track) -> Result<&Object, PortError> {
        for side in Side::BOTH {
            let deployment = self.deployment(side).find().await?;
            if deployment.is_some_and(|deployment| cast_as(&deployment) == Some(track)) {
                return Ok(self.deployment(side));
            }
        }
        let stable = self.sides.stable(self.service.place(), &*self.service.read().await?)?;
        Ok(self.deployment(if track == Track::Stable { stable } else { stable.other() }))
    }

    async fn state(&self, track: Track, object: &Object, seen: &Seen) -> Result<TrackState, PortError> {
        let (place, deployment) = (object.place(), &seen.object);
        let container = image::container(place, deployment, self.sides.container.as_deref())?;
        let revision = image::revision(place, deployment, container)?;
        let service = self.sides.preview.as_deref().filter(|_| track == Track::Candidate);
        Look { object, service, naming: Naming::Image }.at(seen, revision).await
    }
}

#[async_trait]
impl Workload for BlueGreenDeployments {
    fn place(&self) -> Option<String> {
        let [blue, green] = Side::BOTH.map(|side| self.deployment(side).place());
        // Plans keep these words: they stay as they are.
        let container = self.sides.container.as_ref().map(|name| format!(", the image of {name}"));
        Some(format!("{blue} and {green}{}", container.unwrap_or_default()))
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        let stable = self.stable_for(fence).await?;
        self.claim_side(stable, Track::Stable, fence).await?;
        let candidate = stable.other();
        if self.deployment(candidate).find().await?.is_none() {
            let after = self.deployment(stable).read().await?;
            if self.make(candidate, &after, fence).await? == Created::Now {
                return Ok(());
            }
        }
        self.claim_side(candidate, Track::Candidate, fence).await
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let object = self.of(spec.track).await?;
        let place = object.place();
        let applied = object.change(|deployment| {
            mark.admit(mark_of(place, deployment)?.as_ref())?;
            if cast_as(deployment).is_some_and(|track| track != spec.track) {
                return Err(PortError::conflict(place, format!("it is not {} any more", spec.track)));
            }
            let container = image::container(place, deployment, self.sides.container.as_deref())?;
            replaceable(place, spec, &image::revision(place, deployment, container)?)?;
            let mut edit = Edit::of(deployment);
            edit.relies_on(&["metadata", "annotations", TRACK]);
            image::write(&mut edit, place, deployment, self.sides.container.as_deref(), &spec.revision)?;
            edit.set(&["spec", "replicas"], spec.replicas.get().into());
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        applied.await.map(drop)
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        let [blue, green] = Side::BOTH.map(|side| self.deployment(side).look_for());
        let (blue, green, service) = tokio::try_join!(blue, green, self.service.look())?;
        let stable = self.sides.stable(self.service.place(), &service.object)?;
        let mut state = WorkloadState::default();
        for (side, deployment) in Side::BOTH.into_iter().zip([blue, green]) {
            let Some(deployment) = deployment else { continue };
            let by_service = if side == stable { Track::Stable } else { Track::Candidate };
            let track = cast_as(&deployment.object).unwrap_or(by_service);
            let seen = self.state(track, self.deployment(side), &deployment).await?;
            match track {
                Track::Stable => state.stable = seen,
                Track::Candidate => state.candidate = seen,
            }
        }
        Ok(state)
    }
}

impl fmt::Debug for BlueGreenDeployments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlueGreenDeployments").field("sides", &self.sides).finish_non_exhaustive()
    }
}
