//! A promotion that somebody else carries out.

use serde_json::Value;
use shepherd_core::model::{Mark, Reason, Revision, TrackSpec, Traffic};
use shepherd_core::ports::PortError;

use super::DeploymentPair;
use crate::object::{Edit, annotation, mark_of, refused, stamp};
use crate::workload::replaceable;

/// On stable's Deployment: the revision that its owner is waited for to ship.
pub(super) const WANTED: &str = "shepherd.rs/wanted";

/// On it, too: what it may run until he has. Any other one he has given it of his own accord.
pub(super) const UNTIL_THEN: &str = "shepherd.rs/until-then";

impl DeploymentPair {
    /// Says in stable's Deployment what it is meant to run, and leaves it to its owner.
    pub(super) async fn want(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let place = self.owned.place();
        let said = self.owned.change(|deployment| {
            let stored = mark_of(place, deployment)?;
            mark.admit(stored.as_ref())?;
            let runs = self.recipe.revision(place, deployment)?;
            if mark.traffic == Traffic::On {
                replaceable(place, spec, &runs)?;
            }
            let has = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
            if mark.traffic == Traffic::On && runs == spec.revision && u64::from(spec.replicas.get()) < has {
                let why =
                    "its count is its owner's where the promotion is: plan with a router, or promote by copy";
                return Err(PortError::unsupported(place, why));
            }
            let mut edit = Edit::of(deployment);
            let wanted = revision_at(WANTED, place, deployment)?;
            if wanted.as_ref() != Some(&spec.revision) {
                let forward = stored.as_ref().is_none_or(|stored| stored.traffic == Traffic::On);
                let until_then = match wanted {
                    None => runs,
                    // From the way back on it is the candidate, which he may ship too late.
                    Some(candidate) if forward => candidate,
                    Some(wanted) => revision_at(UNTIL_THEN, place, deployment)?.unwrap_or(wanted),
                };
                edit.annotate(UNTIL_THEN, until_then.to_string());
                edit.annotate(WANTED, spec.revision.to_string());
            }
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        said.await.map(drop)
    }

    /// The revision that stable's Deployment is meant to run, when that was left to its owner, and he has not decided
    /// otherwise since.
    pub(super) fn wanted(&self, deployment: &Value) -> Result<Option<Revision>, PortError> {
        let place = self.owned.place();
        let runs = self.recipe.revision(place, deployment)?;
        let until_then = revision_at(UNTIL_THEN, place, deployment)?;
        let wanted = revision_at(WANTED, place, deployment)?;
        Ok(wanted.filter(|wanted| runs == *wanted || until_then.is_none_or(|until_then| runs == until_then)))
    }

    pub(super) fn awaited(wanted: &Revision, runs: &Revision) -> Reason {
        format!("waiting for its owner to ship {wanted}; it runs {runs}").into()
    }
}

fn revision_at(key: &str, place: &str, deployment: &Value) -> Result<Option<Revision>, PortError> {
    let named = annotation(deployment, key).map(Revision::new).transpose();
    named.map_err(|error| refused(place, format!("its annotation {key}: {error}")))
}
