//! What somebody gives stable in the moment in which it is promoted.

use serde_json::json;
use shepherd_core::model::{FailureKind, Track};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::{first, of, on, pair, shop};
use crate::api::Api;
use crate::controllers::SERVICES;
use crate::deployment_pair::DEPLOYMENTS;

use Track::{Candidate, Stable};

fn by_patch(api: &Api) -> DeploymentPair {
    pair(api, PromoteBy::Copy).patched_by(|revision| {
        Ok(json!([{"op": "replace", "path": "/spec/containers/0/image", "value": revision.as_str()}]))
    })
}

/// A promotion by stable's owner overwrites nothing.
const WAYS: [fn(&Api) -> DeploymentPair; 3] =
    [|api| pair(api, PromoteBy::Copy), |api| pair(api, PromoteBy::Switch), by_patch];

/// The last look showed what stable was; the write that was decided on it comes after somebody's.
#[tokio::test]
async fn a_hotfix_that_nobody_has_seen_yet_is_not_overwritten() {
    for (nth, way) in WAYS.into_iter().enumerate() {
        let api = shop(4);
        let pair = way(&api);
        pair.claim(&first()).await.unwrap();
        pair.apply(&of(Candidate, "web:v2", 4), &on(&first(), 2)).await.unwrap();
        let hotfix = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "web:v1-hotfix"}]}}}});
        api.merge(DEPLOYMENTS, "web", &hotfix);
        let standing = || [(DEPLOYMENTS, "web"), (SERVICES, "web")].map(|(kind, name)| api.get(kind, name));
        let before = standing();

        let known = ["web:v1", "web:v2"].map(|image| image.parse().unwrap());
        let promoted = of(Stable, "web:v2", 4).replacing(known);
        let refused = pair.apply(&promoted, &on(&first(), 3)).await;
        let error = refused.expect_err(&format!("way {nth}"));
        assert_eq!(error.kind(), FailureKind::Conflict, "way {nth}: {error}");
        let said = "somebody has given it web:v1-hotfix meanwhile";
        assert!(error.to_string().contains(said), "way {nth}: {error}");
        assert_eq!(standing(), before, "way {nth}");
    }
}
