use async_trait::async_trait;
use serde_json::json;
use shepherd_core::model::{FailureKind, Fence, Mark, Track, TrackSpec, WorkloadState};
use shepherd_core::ports::{PortError, Workload};
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::switch::seen;
use super::{Fixture, deployment, first, of, off, on, pair, replicas_of, shop, written};
use crate::api::Api;
use crate::deployment_pair::DEPLOYMENTS;
use crate::words::fence;

use Track::{Candidate, Stable};

/// A pair whose owner ships at once what is wanted of him, and the count that a person would.
struct Shipped(Api, DeploymentPair);

fn ships(api: &Api, image: &str, replicas: Option<u32>) {
    let mut manifest = deployment(replicas.unwrap_or_default());
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    if replicas.is_none() {
        manifest["spec"].as_object_mut().unwrap().remove("replicas");
    }
    api.merge(DEPLOYMENTS, "web", &json!({"spec": manifest["spec"]}));
}

#[async_trait]
impl Workload for Shipped {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.1.claim(fence).await
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let asked = self.1.apply(spec, mark).await;
        let counts = matches!(&asked, Err(error) if error.kind() == FailureKind::Unsupported);
        if spec.track == Candidate || (asked.is_err() && !counts) {
            return asked;
        }
        ships(&self.0, spec.revision.as_str(), Some(spec.replicas.get()));
        self.1.apply(spec, mark).await
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        self.1.observe().await
    }
}

shepherd_testkit::workload_conformance!(|| Fixture::of(|api| Shipped(
    api.clone(),
    pair(api, PromoteBy::External)
)));

async fn at_full_weight(api: &Api) -> DeploymentPair {
    let pair = pair(api, PromoteBy::External);
    pair.claim(&first()).await.unwrap();
    pair.apply(&of(Candidate, "web:v2", 4), &on(&first(), 2)).await.unwrap();
    pair
}

fn awaited(state: &WorkloadState) -> String {
    state.stable.awaits.as_ref().map(ToString::to_string).unwrap_or_default()
}

#[tokio::test]
async fn a_promotion_waits_for_the_owner_and_says_so() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    let before = api.get(DEPLOYMENTS, "web")["spec"].clone();
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    assert_eq!(api.get(DEPLOYMENTS, "web")["spec"], before);
    assert_eq!(api.get(DEPLOYMENTS, "web")["metadata"]["annotations"]["shepherd.rs/wanted"], "web:v2");
    let state = pair.observe().await.unwrap();
    assert_eq!(seen(&state, Stable), ("web:v2".to_owned(), 4, 0));
    assert_eq!(awaited(&state), "waiting for its owner to ship web:v2; it runs web:v1");
    // Whoever goes on with it knows too.
    let pair = super::pair(&api, PromoteBy::External);
    pair.claim(&fence(1, 2)).await.unwrap();
    assert_eq!(
        awaited(&pair.observe().await.unwrap()),
        "waiting for its owner to ship web:v2; it runs web:v1"
    );

    ships(&api, "web:v2", None);
    let state = pair.observe().await.unwrap();
    assert_eq!((seen(&state, Stable), awaited(&state)), (("web:v2".to_owned(), 4, 4), String::new()));
    pair.apply(&of(Candidate, "web:v2", 0), &on(&fence(1, 2), 4)).await.unwrap();
    let annotations = api.get(DEPLOYMENTS, "web")["metadata"]["annotations"].clone();
    assert_eq!(annotations.as_object().unwrap().keys().collect::<Vec<_>>(), ["shepherd.rs/mark"]);
    assert_eq!(replicas_of(&api, "web-candidate"), 0);
}

#[tokio::test]
async fn the_way_back_waits_only_for_an_owner_who_has_shipped() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 4)).await.unwrap();
    let state = pair.observe().await.unwrap();
    assert_eq!((seen(&state, Stable), awaited(&state)), (("web:v1".to_owned(), 4, 4), String::new()));

    ships(&api, "web:v2", None);
    let state = pair.observe().await.unwrap();
    assert_eq!(seen(&state, Stable), ("web:v1".to_owned(), 4, 0));
    assert_eq!(awaited(&state), "waiting for its owner to ship web:v1; it runs web:v2");
    ships(&api, "web:v1", None);
    assert_eq!(seen(&pair.observe().await.unwrap(), Stable), ("web:v1".to_owned(), 4, 4));
}

#[tokio::test]
async fn what_the_owner_ships_of_his_own_accord_is_what_stable_runs() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    ships(&api, "web:v3", None);
    let state = pair.observe().await.unwrap();
    assert_eq!((seen(&state, Stable), awaited(&state)), (("web:v3".to_owned(), 4, 4), String::new()));
    pair.apply(&of(Stable, "web:v3", 4), &off(&first(), 4)).await.unwrap();
    ships(&api, "web:v4", None);
    let state = pair.observe().await.unwrap();
    assert_eq!((seen(&state, Stable), awaited(&state)), (("web:v4".to_owned(), 4, 4), String::new()));
}

/// What was taken back is no decision of his: he may be late.
#[tokio::test]
async fn the_candidate_that_comes_late_is_waited_out() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 4)).await.unwrap();
    ships(&api, "web:v3", None);
    pair.apply(&of(Stable, "web:v3", 4), &off(&first(), 5)).await.unwrap();
    ships(&api, "web:v2", None);
    let state = pair.observe().await.unwrap();
    assert_eq!(awaited(&state), "waiting for its owner to ship web:v3; it runs web:v2");
    for decided in ["web:v3", "web:v1"] {
        ships(&api, decided, None);
        let state = pair.observe().await.unwrap();
        assert_eq!((seen(&state, Stable), awaited(&state)), ((decided.to_owned(), 4, 4), String::new()));
    }
}

#[tokio::test]
async fn another_rollout_does_not_wait_for_what_one_before_it_wanted() {
    let api = shop(4);
    at_full_weight(&api).await.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    let pair = pair(&api, PromoteBy::External);
    pair.claim(&fence(2, 2)).await.unwrap();
    let state = pair.observe().await.unwrap();
    assert_eq!((seen(&state, Stable), awaited(&state)), (("web:v1".to_owned(), 4, 4), String::new()));
}

#[tokio::test]
async fn the_count_is_the_owners_too() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    api.seen();
    let error = pair.apply(&of(Stable, "web:v1", 3), &on(&first(), 3)).await.unwrap_err();
    assert!(
        error.kind() == FailureKind::Unsupported && error.to_string().contains("plan with a router"),
        "{error}"
    );
    assert!(written(&api).is_empty());
}
