//! Looks of a switching pair by watches.

use serde_json::{Value, json};
use shepherd_core::model::{Track, WorkloadState};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::switch::seen;
use super::{Fixture, first, of, off, on, pair, shop};
use crate::api::Api;
use crate::controllers::{SERVICES, SLICES};
use crate::deployment_pair::DEPLOYMENTS;
use crate::watching::{Looking, asked, eventually};
use crate::words::fence;

use Track::{Candidate, Stable};

shepherd_testkit::workload_conformance!(|| {
    let api = shop(0).watched();
    Fixture { api, open: |api| pair(api, PromoteBy::Switch).looking(api) }
});

/// Four pods of `web:v1` and four of `web:v2` beside them, and looks that ask the server for nothing.
async fn at_full_weight() -> (Api, DeploymentPair) {
    let api = shop(4).watched();
    let pair = pair(&api, PromoteBy::Switch).looking(&api);
    pair.claim(&first()).await.unwrap();
    pair.apply(&of(Candidate, "web:v2", 4), &on(&first(), 2)).await.unwrap();
    is_warm(&api, &pair).await;
    (api, pair)
}

async fn look(pair: &DeploymentPair) -> WorkloadState {
    pair.observe().await.unwrap()
}

async fn is_warm(api: &Api, pair: &DeploymentPair) {
    eventually(async || {
        api.ends_watches();
        asked(api, look(pair)).await.1.is_empty()
    })
    .await;
}

fn is(state: &WorkloadState, stable: (&str, u32), candidate: (&str, u32)) {
    let told =
        [Stable, Candidate].map(|track| seen(state, track)).map(|(revision, _, ready)| (revision, ready));
    assert_eq!(told, [stable, candidate].map(|(revision, ready)| (revision.to_owned(), ready)));
}

#[tokio::test(start_paused = true)]
async fn a_look_costs_no_request_and_sees_what_another_process_switches() {
    let (api, watching) = at_full_weight().await;
    for _ in 0..10 {
        let (state, asked) = asked(&api, look(&watching)).await;
        is(&state, ("web:v1", 4), ("web:v2", 4));
        assert!(asked.is_empty(), "{asked:?}");
    }
    let (other, owner) = (pair(&api, PromoteBy::Switch), fence(1, 2));
    other.claim(&owner).await.unwrap();
    other.apply(&of(Stable, "web:v2", 4), &on(&owner, 3)).await.unwrap();
    eventually(async || seen(&look(&watching).await, Stable).0 == "web:v2").await;
    is(&look(&watching).await, ("web:v2", 4), ("web:v2", 4));
    other.apply(&of(Candidate, "web:v2", 0), &on(&owner, 4)).await.unwrap();
    eventually(async || seen(&look(&watching).await, Candidate).0 == "web:v1").await;
    is_warm(&api, &watching).await;
    is(&look(&watching).await, ("web:v2", 4), ("web:v1", 0));
}

#[tokio::test(start_paused = true)]
async fn a_look_sees_its_own_switch_whichever_watch_lags() {
    for lags in ["services", "deployments", "replicasets", "endpointslices"] {
        let (api, pair) = at_full_weight().await;
        api.lags(Some(lags));
        pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
        is(&look(&pair).await, ("web:v2", 4), ("web:v2", 4));
        pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 4)).await.unwrap();
        is(&look(&pair).await, ("web:v1", 4), ("web:v2", 4));
        pair.apply(&of(Candidate, "web:v2", 0), &off(&first(), 5)).await.unwrap();
        is(&look(&pair).await, ("web:v1", 4), ("web:v2", 0));
    }
}

/// The race between two watches: the Service is seen as it is, its endpoints as they were before it was led away and back.
#[tokio::test(start_paused = true)]
async fn endpoints_from_before_a_switch_do_not_count() {
    let (api, pair) = at_full_weight().await;
    api.lags(Some("endpointslices"));
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 4)).await.unwrap();
    // Their controller is not through with it yet.
    api.merge(SLICES, "web", &json!({"endpoints": []}));
    eventually(async || {
        let (state, asked) = asked(&api, look(&pair)).await;
        is(&state, ("web:v1", 0), ("web:v2", 4));
        asked.iter().all(|asked| asked.path == SLICES)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_selector_is_astray_only_when_the_server_says_so() {
    let (api, pair) = at_full_weight().await;
    api.lags(Some("services"));
    let moved = |labels: Value| json!({"spec": {"template": {"metadata": {"labels": labels}}}});
    for name in ["web", "web-candidate"] {
        api.merge(DEPLOYMENTS, name, &moved(json!({"tier": "shop"})));
        api.merge(SERVICES, name, &json!({"spec": {"selector": {"tier": "shop"}}}));
    }
    eventually(async || {
        let (state, asked) = asked(&api, look(&pair)).await;
        assert_eq!(state.stable.failing, None);
        is(&state, ("web:v1", 4), ("web:v2", 4));
        asked.iter().any(|asked| asked.path.starts_with(SERVICES))
    })
    .await;
    api.lags(None);
    is_warm(&api, &pair).await;
    api.merge(SERVICES, "web", &json!({"spec": {"selector": {"tier": "nowhere"}}}));
    eventually(async || {
        look(&pair).await.stable.failing.is_some_and(|why| why.to_string().contains("nowhere"))
    })
    .await;
}
