//! A promotion that somebody else carries out.

use serde_json::Value;
use shepherd_core::model::{Mark, Reason, Revision, TrackSpec, Traffic};
use shepherd_core::ports::PortError;

use super::DeploymentPair;
use crate::object::{Edit, annotation, mark_of, refused, stamp};
use crate::workload::replaceable;

/// On stable's Deployment: the revision that its owner is waited for to ship.
pub(super) const WANTED: &str = "shepherd.rs/wanted";

impl DeploymentPair {
    /// Says in stable's Deployment what it is meant to run, and leaves it to its owner.
    pub(super) async fn want(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let place = self.owned.place();
        let said = self.owned.change(|deployment| {
            mark.admit(mark_of(place, deployment)?.as_ref())?;
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
            edit.annotate(WANTED, spec.revision.to_string());
            stamp(&mut edit, mark);
            Ok(edit.into())
        });
        said.await.map(drop)
    }

    /// The revision that stable's Deployment is meant to run, when that was left to its owner.
    pub(super) fn wanted(&self, deployment: &Value) -> Result<Option<Revision>, PortError> {
        let place = self.owned.place();
        let wanted = annotation(deployment, WANTED).map(Revision::new).transpose();
        wanted.map_err(|error| refused(place, format!("its annotation {WANTED}: {error}")))
    }

    pub(super) fn awaited(wanted: &Revision, runs: &Revision) -> Reason {
        format!("waiting for its owner to ship {wanted}; it runs {runs}").into()
    }
}
