//! What is written in the two Deployments.

use std::sync::Arc;

use serde_json::{Value, json};
use shepherd_core::model::{Fence, Mark, Replicas, Revision, Track, TrackSpec};
use shepherd_core::ports::PortError;

use super::DeploymentPair;
use super::external::{UNTIL_THEN, WANTED};
use super::recipe::changes_label;
use super::side::{Cast, Side};
use crate::object::{Created, Edit, MARK, ORIGINALS, annotation, mark_of, stamp};
use crate::workload::{replaceable, twin};

/// What is of one rollout only.
const LEFT: [&str; 3] = [ORIGINALS, WANTED, UNTIL_THEN];

impl DeploymentPair {
    /// Stamps the owner on a Deployment. What a rollout before it left there to be put back is no rollout's any more.
    pub(super) async fn claim_side(&self, side: Side, fence: &Fence) -> Result<Arc<Value>, PortError> {
        let object = self.deployment(side);
        let claimed = object.change(|deployment| {
            let stored = mark_of(object.place(), deployment)?;
            let mut edit = Edit::of(deployment);
            stamp(&mut edit, &Mark::claimed(stored.as_ref(), fence)?);
            if fence.begins(stored.as_ref()) {
                leave_nothing(&mut edit);
            }
            Ok(edit.into())
        });
        claimed.await
    }

    /// Makes the Deployment of a side, which serves stable's users, what `spec` says.
    pub(super) async fn write_stable(
        &self,
        side: Side,
        spec: &TrackSpec,
        mark: &Mark,
    ) -> Result<(), PortError> {
        let object = self.deployment(side);
        let place = object.place();
        if self.recipe.is_patch() {
            let deployment = object.read().await?;
            self.may_replace(side, &deployment, spec)?;
            if self.recipe.makes_anew(place, &deployment, &spec.revision)? {
                self.check_labels(place, Track::Stable, &deployment["spec"]["template"], &spec.revision)
                    .await?;
            }
        }
        let applied = object.change(|deployment| {
            mark.admit(mark_of(place, deployment)?.as_ref())?;
            self.may_replace(side, deployment, spec)?;
            let mut edit = Edit::of(deployment);
            self.recipe.write(&mut edit, place, deployment, &spec.revision)?;
            if self.autoscaler.is_none() {
                edit.set(&["spec", "replicas"], spec.replicas.get().into());
            }
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        applied.await.map(drop)
    }

    pub(super) async fn write_candidate(
        &self,
        cast: Cast,
        spec: &TrackSpec,
        mark: &Mark,
    ) -> Result<(), PortError> {
        let object = self.deployment(cast.candidate);
        let there = object.find().await?;
        if there.is_none() && spec.replicas == Replicas::ZERO {
            return Ok(());
        }
        if spec.replicas == Replicas::ZERO {
            return self.change_candidate(cast, None, spec, mark).await;
        }
        let stable = self.deployment(cast.stable).read().await?;
        if there.is_none() && cast.candidate == Side::Made {
            let template = twin::template(&stable, self.labels.relabel());
            self.check_labels(object.place(), Track::Candidate, &template, &spec.revision).await?;
            if self.create(&stable, spec, mark).await? == Created::Now {
                return Ok(());
            }
            // Somebody was faster; who that was, its mark says.
        } else if let Some(there) = there {
            self.may_replace(cast.candidate, &there, spec)?;
            let template = twin::template_for(&stable, &there);
            self.check_labels(object.place(), Track::Candidate, &template, &spec.revision).await?;
        }
        self.change_candidate(cast, Some(&stable), spec, mark).await
    }

    async fn change_candidate(
        &self,
        cast: Cast,
        stable: Option<&Value>,
        spec: &TrackSpec,
        mark: &Mark,
    ) -> Result<(), PortError> {
        let object = self.deployment(cast.candidate);
        let place = object.place();
        let applied = object.change(|deployment| {
            mark.admit(mark_of(place, deployment)?.as_ref())?;
            self.may_replace(cast.candidate, deployment, spec)?;
            let mut edit = Edit::of(deployment);
            if let Some(stable) = stable {
                self.renew(&mut edit, place, stable, deployment, &spec.revision)?;
            }
            edit.set(&["spec", "replicas"], spec.replicas.get().into());
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        applied.await.map(drop)
    }

    /// Makes a candidate run a revision. Only one that serves nobody is made anew after stable's template, which may have
    /// changed since; a patch is for that template and for no other.
    fn renew(
        &self,
        edit: &mut Edit<'_>,
        place: &str,
        stable: &Value,
        deployment: &Value,
        revision: &Revision,
    ) -> Result<(), PortError> {
        let runs = is_idle(deployment) || self.recipe.revision(place, deployment)? == *revision;
        if is_idle(deployment) || (self.recipe.is_patch() && !runs) {
            let kept = &deployment["spec"]["selector"]["matchLabels"];
            let base = twin::template_for(stable, deployment);
            edit.set(&["spec", "template"], self.recipe.template(place, base, kept, revision)?);
            return Ok(());
        }
        if runs { Ok(()) } else { self.recipe.write(edit, place, deployment, revision) }
    }

    /// The candidate's Deployment without replicas, of stable's own revision, so that an older owner's late one is fenced
    /// off.
    pub(super) async fn make_idle(&self, stable: &Value, fence: &Fence) -> Result<(), PortError> {
        let made = twin::deployment(stable, self.made.name(), self.labels.relabel());
        let made = marked(twin::owned(made, stable), &Mark::claimed(None, fence)?);
        match self.made.create(&made).await? {
            Created::Now => Ok(()),
            Created::ByOthers => self.claim_side(Side::Made, fence).await.map(drop),
        }
    }

    async fn create(&self, stable: &Value, spec: &TrackSpec, mark: &Mark) -> Result<Created, PortError> {
        let made = twin::deployment(stable, self.made.name(), self.labels.relabel());
        let mut made = twin::owned(made, stable);
        let kept = made["spec"]["selector"]["matchLabels"].clone();
        let base = made["spec"]["template"].take();
        made["spec"]["template"] = self.recipe.template(self.made.place(), base, &kept, &spec.revision)?;
        made["spec"]["replicas"] = spec.replicas.get().into();
        self.made.create(&marked(made, mark)).await
    }

    /// Refuses a patch that changes a label by which the Service of a track selects its pods.
    pub(super) async fn check_labels(
        &self,
        place: &str,
        track: Track,
        base: &Value,
        revision: &Revision,
    ) -> Result<(), PortError> {
        let changed = self.recipe.relabels(place, base, revision)?;
        let Some([stable, candidate]) = self.services.as_ref().filter(|_| !changed.is_empty()) else {
            return Ok(());
        };
        let service = if track == Track::Stable { stable } else { candidate };
        let selector = service.read().await?["spec"]["selector"].clone();
        match changed.iter().find(|label| selector.get(label).is_some()) {
            Some(label) => {
                let needed_by = format!("the selector of {}", service.place());
                Err(changes_label(place, revision, label, &needed_by))
            }
            None => Ok(()),
        }
    }

    /// Nothing is to be put back any more, and nobody is waited for.
    pub(super) async fn forget(&self, mark: &Mark) -> Result<(), PortError> {
        let object = &self.owned;
        let leaves = |deployment: &Value| LEFT.iter().any(|key| annotation(deployment, key).is_some());
        if !object.find().await?.is_some_and(|deployment| leaves(&deployment)) {
            return Ok(());
        }
        let forgotten = object.change(|deployment| {
            mark.admit(mark_of(object.place(), deployment)?.as_ref())?;
            let mut edit = Edit::of(deployment);
            leave_nothing(&mut edit);
            Ok(edit.into())
        });
        forgotten.await.map(drop)
    }

    /// Ends the replicas of a Deployment, and leaves the rest of it as it is.
    pub(super) async fn end(&self, side: Side, mark: &Mark) -> Result<(), PortError> {
        let object = self.deployment(side);
        let ended = object.change(|deployment| {
            mark.admit(mark_of(object.place(), deployment)?.as_ref())?;
            let mut edit = Edit::of(deployment);
            edit.set(&["spec", "replicas"], 0.into());
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        ended.await.map(drop)
    }

    /// Refuses to overwrite what somebody has given a Deployment meanwhile.
    pub(super) fn may_replace(
        &self,
        side: Side,
        deployment: &Value,
        spec: &TrackSpec,
    ) -> Result<(), PortError> {
        let place = self.deployment(side).place();
        replaceable(place, spec, &self.recipe.revision(place, deployment)?)
    }

    /// Whether a Deployment is what a track shall be.
    pub(super) fn is(&self, side: Side, deployment: &Value, spec: &TrackSpec) -> Result<bool, PortError> {
        let place = self.deployment(side).place();
        let counted = deployment["spec"]["replicas"] == spec.replicas.get();
        Ok(counted && self.recipe.revision(place, deployment)? == spec.revision)
    }
}

fn marked(mut deployment: Value, mark: &Mark) -> Value {
    deployment["metadata"]["annotations"] = json!({MARK: serde_json::to_string(mark).unwrap_or_default()});
    deployment
}

/// It has no replicas and wants none.
fn is_idle(deployment: &Value) -> bool {
    deployment["spec"]["replicas"] == 0
}

fn leave_nothing(edit: &mut Edit<'_>) {
    for key in LEFT {
        edit.unannotate(key);
    }
}
