use async_trait::async_trait;
use shepherd_core::machine::Snapshot;
use shepherd_core::model::{RolloutId, Target};
use shepherd_core::ports::{Store, StoreError};

use super::KubeStore;
use crate::preflight::{Findings, Grounded, Met, Need};

#[async_trait]
impl Grounded for KubeStore {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn inspect(&self, findings: &mut Findings) {
        let needs = [
            Need::all("", "configmaps", &["get", "create", "update"]),
            Need::all("coordination.k8s.io", "leases", &["get", "create", "update"]),
        ];
        findings.needs(self.namespace(), &needs).await;
        let namespace = self.namespace();
        findings
            .writes(format!("ConfigMaps shepherd-* in {namespace}"), ["all of them: Shepherd makes them"]);
        findings.writes(format!("Leases shepherd-* in {namespace}"), ["all of them: Shepherd makes them"]);
        for met in findings.met() {
            self.inspect_met(findings, met).await;
        }
    }
}

impl KubeStore {
    /// Who is sent to a candidate by a rollout of which nothing is kept, nobody can take back by going on with it; and
    /// another one would take its objects from whoever drives it still, before it is refused itself.
    async fn inspect_met(&self, findings: &mut Findings, Met { place, rollout, by_hand }: Met) {
        // What cannot be read the start tells.
        if self.keeps(&rollout).await.unwrap_or(true) {
            return;
        }
        findings.error(
            place,
            format!(
                "it sends users to the candidate of the rollout {rollout}, which the store does not know, or knows to \
                 have ended"
            ),
            format!(
                "let the process that still drives it end it; where there is none, {by_hand}; then start"
            ),
        );
    }

    async fn keeps(&self, rollout: &RolloutId) -> Result<bool, StoreError> {
        // Who names rollouts otherwise knows what becomes of them.
        let target = rollout.as_str().rsplit_once('#').and_then(|(target, _)| target.parse::<Target>().ok());
        let Some(target) = target else { return Ok(true) };
        let Some((_, Some(saved))) = self.load(&target).await? else { return Ok(false) };
        Ok(Snapshot::decode(&saved.snapshot)
            .map_or(true, |kept| kept.rollout() == rollout && !kept.is_done()))
    }
}
