//! The candidate, before there is one.

use serde_json::Value;
use shepherd_core::model::{Revision, Track};

use super::side::{Cast, Side};
use super::{DeploymentPair, PromoteBy};
use crate::preflight::Findings;
use crate::workload::twin;

impl DeploymentPair {
    /// It is made when the first rollout begins, and stays. Answers it with the pods that are to come, or with such as
    /// stable's where those are not known.
    pub(super) async fn inspect_candidate(
        &self,
        findings: &mut Findings,
        cast: Cast,
        stable: &Value,
        renewable: bool,
    ) -> Value {
        let object = self.deployment(cast.candidate);
        let mut candidate = twin::deployment(stable, object.name(), self.labels.relabel());
        let there = findings.find(object).await;
        match &there {
            None => {}
            Some(None) => {
                candidate = twin::owned(candidate, stable);
                findings.makes(object, &candidate).await;
            }
            Some(Some(there)) => {
                findings.claims(object, there).await;
                // The one that people own is nobody's to be deleted.
                let unfit = if cast == Cast::FIXED { self.unfit(stable, there) } else { None };
                if let Some((place, why, remedy)) = unfit {
                    findings.error(place, why, remedy);
                    return candidate;
                }
                candidate = Value::clone(there);
                candidate["spec"]["template"] = twin::template_for(stable, there);
            }
        }
        let renewed = if renewable { self.renewed(findings, cast, stable, &candidate).await } else { None };
        if let Some(template) = renewed {
            match &there {
                None => {}
                Some(None) => findings.makes_renewed(object, &candidate, &template).await,
                Some(Some(there)) => findings.renews(object, there, &template).await,
            }
            candidate["spec"]["template"] = template;
        }
        candidate
    }

    /// The pods of the revision that is to come, as far as that is known and can be. What a patch cannot be made of would
    /// be found at the first write; of stable, at the promotion.
    async fn renewed(
        &self,
        findings: &mut Findings,
        cast: Cast,
        stable: &Value,
        candidate: &Value,
    ) -> Option<Value> {
        let revision = findings.candidate.clone()?;
        let runs = self.recipe.revision(self.deployment(cast.stable).place(), stable);
        if runs.is_ok_and(|runs| runs == revision) {
            return None;
        }
        let renewed = self.renewal(findings, cast.candidate, Track::Candidate, candidate, &revision).await?;
        // For stable it is the same patch.
        if self.promote_by == PromoteBy::Copy
            && let Some(template) =
                self.renewal(findings, cast.stable, Track::Stable, stable, &revision).await
        {
            findings.renews(self.deployment(cast.stable), stable, &template).await;
        }
        Some(renewed)
    }

    /// The template of a Deployment for a revision; none where the patch does not fit it, or the Service of its track,
    /// which is told.
    async fn renewal(
        &self,
        findings: &mut Findings,
        side: Side,
        track: Track,
        deployment: &Value,
        revision: &Revision,
    ) -> Option<Value> {
        let (place, spec) = (self.deployment(side).place(), &deployment["spec"]);
        let kept = &spec["selector"]["matchLabels"];
        let made = match self.recipe.template(place, spec["template"].clone(), kept, revision) {
            Ok(template) => {
                self.check_labels(place, track, &spec["template"], revision).await.map(|()| template)
            }
            refused => refused,
        };
        match made {
            Ok(template) => Some(template),
            Err(error) => {
                // Of a Service that cannot be read whoever looks at the tracks tells.
                if error.failure().backend == place {
                    let remedy = "correct the patch, or the revision's name";
                    findings.error_of_candidate(place, error.failure().message.clone(), remedy);
                }
                None
            }
        }
    }
}
