use async_trait::async_trait;
use shepherd_core::model::Track;

use super::{GatewayRoute, status};
use crate::preflight::{Findings, Grounded};

#[async_trait]
impl Grounded for GatewayRoute {
    fn namespace(&self) -> &str {
        self.router.object.namespace()
    }

    async fn inspect(&self, findings: &mut Findings) {
        let dialect = &self.router.shape.dialect;
        findings.behind(self.namespace(), &dialect.stable, Track::Stable);
        findings.behind(self.namespace(), &dialect.candidate, Track::Candidate);
        let remedy = "install the definitions of the Gateway API, and a controller of it";
        if !findings.serves(self.router.object.kind(), remedy).await {
            return;
        }
        let Some(route) = self.router.inspect(findings, &["/spec/rules"]).await else { return };
        let place = self.router.object.place();
        if let Ok(routing) = self.router.routing(&route) {
            let by_hand =
                format!("set the weight of its backend {} to 0", self.router.shape.dialect.candidate);
            findings.routed(place, &routing, by_hand);
        }
        if let Some(awaits) = status::not_served(&route) {
            findings.error(
                place,
                format!(
                    "not every gateway of its `parentRefs` has accepted it and found its backends: {awaits}"
                ),
                "read the conditions in its status: `kubectl describe` shows them",
            );
        }
    }
}
