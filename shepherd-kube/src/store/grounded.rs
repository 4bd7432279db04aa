use async_trait::async_trait;

use super::KubeStore;
use crate::preflight::{Findings, Grounded, Need};

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
    }
}
