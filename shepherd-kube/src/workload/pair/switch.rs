//! A promotion that moves stable's Service to the pods that the candidate has.
//!
//! Which Deployment is stable stands in one object, the Service of stable: what its selector catches serves, and an
//! annotation says which Deployment did when the rollout began. A switch is one patch of that object: mark and selector,
//! with tests of the old ones. The rest follows: until the old pods end the way back is the same write the other way
//! round, and they end before the candidate's Service is led to their Deployment, so that a process that dies between the
//! two is told from one that died before them.

use serde_json::Value;
use shepherd_core::model::{
    Fence, Mark, Reason, Replicas, Track, TrackSpec, TrackState, Traffic, WorkloadState,
};
use shepherd_core::ports::PortError;

use super::DeploymentPair;
use super::scene::{Roles, Scene};
use super::side::{Cast, Side};
use crate::object::{Edit, Object, STABLE, mark_of, refused, stamp};
use crate::watch::Seen;
use crate::workload::twin;

impl DeploymentPair {
    /// The Service of stable first, which decides the roles, and from which on an older owner's switch fails.
    pub(super) async fn claim_switching(&self, fence: &Fence) -> Result<(), PortError> {
        let [stable, candidate] = self.switched_services()?;
        let scene = self.scene().await?;
        if fence.begins(mark_of(stable.place(), scene.service(Track::Stable))?.as_ref()) {
            self.check_switch(&scene).await?;
        }
        let place = stable.place();
        let claimed = stable.change(|service| {
            let stored = mark_of(place, service)?;
            let begins = fence.begins(stored.as_ref());
            let old = if begins { scene.serving(service)? } else { scene.began(service)? };
            let mut edit = Edit::of(service);
            edit.relies_on(&["spec", "selector"]);
            edit.annotate(STABLE, scene.name(old).to_owned());
            stamp(&mut edit, &Mark::claimed(stored.as_ref(), fence)?);
            Ok(edit.into())
        });
        claimed.await?;
        for side in Side::BOTH {
            if scene.deployment(side).is_some() {
                self.claim_side(side, fence).await?;
            }
        }
        let claimed = candidate.change(|service| {
            let mut edit = Edit::of(service);
            stamp(&mut edit, &Mark::claimed(mark_of(candidate.place(), service)?.as_ref(), fence)?);
            Ok(edit.into())
        });
        claimed.await.map(drop)
    }

    pub(super) async fn apply_switching(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let scene = self.scene().await?;
        let roles = scene.roles()?;
        // Whoever was superseded does not know the roles.
        Mark::claimed(mark_of(&scene.place, scene.service(Track::Stable))?.as_ref(), &mark.fence)?;
        match spec.track {
            Track::Stable => {
                let stable = roles.cast().stable;
                if let Some(deployment) = scene.deployment(stable) {
                    self.may_replace(stable, deployment, spec)?;
                }
                let side = self.serving(&scene, roles, spec, mark)?;
                let as_it_shall_be = match scene.deployment(side) {
                    Some(deployment) => self.is(side, deployment, spec)?,
                    None => false,
                };
                if !as_it_shall_be {
                    self.write_stable(side, spec, mark).await?;
                }
                self.lead_stable(&scene, roles.old, side, mark).await
            }
            // The candidate is what serves now, and what ends is what served before.
            Track::Candidate if retires(spec, mark) && roles.switched() => {
                self.end(roles.old, mark).await?;
                self.lead_candidate(&scene, roles.old, mark).await
            }
            Track::Candidate => {
                let cast = Cast { stable: roles.cast().stable, candidate: roles.old.other() };
                self.write_candidate(cast, spec, mark).await?;
                if spec.replicas == Replicas::ZERO {
                    return Ok(());
                }
                self.lead_candidate(&self.scene().await?, cast.candidate, mark).await
            }
        }
    }

    pub(super) async fn observe_switching(&self) -> Result<WorkloadState, PortError> {
        let scene = self.scene_to_be_seen().await?;
        let roles = scene.roles()?;
        let Cast { stable, candidate } = roles.cast();
        let state = async |track, side| match scene.seen_as(track, side) {
            Some(deployment) => self.state(track, side, &deployment, None).await,
            None => Ok(TrackState::default()),
        };
        let (mut stable, candidate) =
            tokio::try_join!(state(Track::Stable, stable), state(Track::Candidate, candidate))?;
        let service = mark_of(&scene.place, scene.service(Track::Stable))?;
        stable.mark = later(stable.mark, service);
        if roles.serves.is_none() {
            let why = format!("{}: {}", scene.place, scene.astray(scene.service(Track::Stable)));
            stable.failing = Some(Reason::new(why));
        }
        Ok(WorkloadState { stable, candidate })
    }

    /// The Deployment that shall serve stable's users: the way back leads to the one that did when the rollout began, and
    /// the way forward to the one that runs the revision. Where neither does, the one that serves gets it.
    fn serving(&self, scene: &Scene, roles: Roles, spec: &TrackSpec, mark: &Mark) -> Result<Side, PortError> {
        if mark.traffic == Traffic::Off {
            return Ok(roles.old);
        }
        for side in [roles.old, roles.old.other()] {
            if let Some(deployment) = scene.deployment(side)
                && self.recipe.revision(self.deployment(side).place(), deployment)? == spec.revision
                && (side == roles.old || deployment["spec"]["replicas"] != 0)
            {
                return Ok(side);
            }
        }
        Ok(roles.cast().stable)
    }

    /// Also where it is led there already: from now on an earlier decision that comes late leads it nowhere.
    async fn lead_stable(&self, scene: &Scene, old: Side, to: Side, mark: &Mark) -> Result<(), PortError> {
        let [service, _] = self.switched_services()?;
        let place = service.place();
        let led = service.change(|service| {
            mark.admit(mark_of(place, service)?.as_ref())?;
            scene.serving(service)?;
            let mut edit = Edit::of(service);
            scene.lead(&mut edit, service, to).map_err(|why| refused(place, why))?;
            edit.annotate(STABLE, scene.name(old).to_owned());
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        led.await.map(drop)
    }

    async fn lead_candidate(&self, scene: &Scene, to: Side, mark: &Mark) -> Result<(), PortError> {
        let [_, service] = self.switched_services()?;
        if scene.selected(scene.service(Track::Candidate)) == Some(to) {
            return Ok(());
        }
        let place = service.place();
        let led = service.change(|service| {
            mark.admit(mark_of(place, service)?.as_ref())?;
            let mut edit = Edit::of(service);
            scene.lead(&mut edit, service, to).map_err(|why| refused(place, why))?;
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        led.await.map(drop)
    }

    /// As the server says it is now.
    pub(super) async fn scene(&self) -> Result<Scene, PortError> {
        let [stable, candidate] = self.switched_services()?;
        let reads = tokio::try_join!(self.owned.read(), self.made.find(), stable.read(), candidate.read());
        let (owned, made, stable, candidate) = reads?;
        let [owned, stable, candidate] = [owned, stable, candidate].map(Seen::directly);
        self.scene_of(owned, made.map(Seen::directly), [stable, candidate])
    }

    /// As it is to be seen. Deployments and Services are watched apart, and what others have changed may be seen of one
    /// kind before the other: a label's new value in a template, and in the selector the old one. That would be told as a
    /// selector that is astray, and fail a promotion, so what makes no sense is told only of what the server says.
    async fn scene_to_be_seen(&self) -> Result<Scene, PortError> {
        let [stable, candidate] = self.switched_services()?;
        let looks =
            tokio::try_join!(self.owned.look(), self.made.look_for(), stable.look(), candidate.look());
        let (owned, made, stable, candidate) = looks?;
        let scene = self.scene_of(owned, made, [stable, candidate])?;
        if scene.is_plain() || !self.owned.reach().is_watching() { Ok(scene) } else { self.scene().await }
    }

    fn scene_of(&self, owned: Seen, made: Option<Seen>, services: [Seen; 2]) -> Result<Scene, PortError> {
        let [stable, _] = self.switched_services()?;
        let labels = |deployment: &Value| deployment["spec"]["template"]["metadata"]["labels"].clone();
        let of_made = match &made {
            Some(made) => labels(&made.object),
            None => twin::template(&owned.object, self.labels.relabel())["metadata"]["labels"].clone(),
        };
        Ok(Scene {
            place: stable.place().to_owned(),
            names: Side::BOTH.map(|side| self.deployment(side).name().to_owned()),
            labels: [labels(&owned.object), of_made],
            deployments: [Some(owned), made],
            services,
        })
    }

    /// The Services that tell which Deployment is which.
    ///
    /// # Errors
    /// Permanent where this pair cannot promote by a switch whatever the cluster has.
    pub(super) fn switched_services(&self) -> Result<&[Object; 2], PortError> {
        match (self.cannot_switch(), &self.services) {
            (None, Some(services)) => Ok(services),
            (why, _) => Err(refused(self.owned.place(), why.unwrap_or_default())),
        }
    }
}

/// On the way forward a candidate has no replicas only in the end.
fn retires(spec: &TrackSpec, mark: &Mark) -> bool {
    spec.replicas == Replicas::ZERO && mark.traffic == Traffic::On
}

/// The mark of the later one of two writes.
fn later(one: Option<Mark>, other: Option<Mark>) -> Option<Mark> {
    let (Some(one), Some(other)) = (&one, &other) else { return one.or(other) };
    let (epochs, decisions) =
        (one.fence.epoch.cmp(&other.fence.epoch), one.generation.cmp(&other.generation));
    // A decision keeps its number when another owner takes over.
    let same = one.fence.rollout == other.fence.rollout;
    let order = if same { decisions.then(epochs) } else { epochs };
    Some(if order.is_ge() { one.clone() } else { other.clone() })
}
