use serde_json::json;
use shepherd_core::model::{FailureKind, Replicas, Track, WorkloadState};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::{Fixture, app_of, first, of, off, on, pair, replicas_of, shop, written};
use crate::api::Api;
use crate::controllers::SERVICES;
use crate::deployment_pair::DEPLOYMENTS;
use crate::words::fence;

use Track::{Candidate, Stable};

shepherd_testkit::workload_conformance!(|| Fixture::of(|api| pair(api, PromoteBy::Switch)));

/// Four pods of `web:v1`, and a rollout that has its candidate beside them.
pub(super) async fn at_full_weight(api: &Api) -> DeploymentPair {
    let pair = pair(api, PromoteBy::Switch);
    pair.claim(&first()).await.unwrap();
    pair.apply(&of(Candidate, "web:v2", 4), &on(&first(), 2)).await.unwrap();
    api.seen();
    pair
}

pub(super) fn seen(state: &WorkloadState, track: Track) -> (String, u32, u32) {
    let seen = state.track(track);
    let revision = seen.revision.as_ref().map(ToString::to_string).unwrap_or_default();
    (revision, seen.desired.get(), seen.ready.get())
}

fn is(revision: &str, desired: u32, ready: u32) -> (String, u32, u32) {
    (revision.to_owned(), desired, ready)
}

#[tokio::test]
async fn a_promotion_is_one_write_and_starts_no_pod() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    let before = api.get(DEPLOYMENTS, "web");
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    assert_eq!(written(&api), ["web of services"]);
    assert_eq!(api.get(DEPLOYMENTS, "web"), before);
    assert_eq!(
        api.get(SERVICES, "web")["spec"]["selector"],
        json!({"app": "web-candidate", "tier": "front"})
    );
    let state = pair.observe().await.unwrap();
    assert_eq!([seen(&state, Stable), seen(&state, Candidate)], [is("web:v2", 4, 4), is("web:v2", 4, 4)]);

    pair.apply(&of(Candidate, "web:v2", 0), &on(&first(), 4)).await.unwrap();
    assert_eq!(written(&api), ["web of deployments", "web-candidate of services"]);
    let state = pair.observe().await.unwrap();
    assert_eq!([seen(&state, Stable), seen(&state, Candidate)], [is("web:v2", 4, 4), is("web:v1", 0, 0)]);
    assert_eq!((app_of(&api, "web"), app_of(&api, "web-candidate")), ("web-candidate".into(), "web".into()));
}

#[tokio::test]
async fn two_rollouts_bring_the_roles_back() {
    let api = shop(4);
    let template = api.get(DEPLOYMENTS, "web")["spec"]["template"].clone();
    for (rollout, revision) in [(1, "web:v2"), (2, "web:v3")] {
        // Each is another process.
        let (pair, owner) = (pair(&api, PromoteBy::Switch), fence(rollout, rollout));
        pair.claim(&owner).await.unwrap();
        pair.apply(&of(Candidate, revision, 4), &on(&owner, 2)).await.unwrap();
        pair.apply(&of(Stable, revision, 4), &on(&owner, 3)).await.unwrap();
        pair.apply(&of(Candidate, revision, 0), &on(&owner, 4)).await.unwrap();
        let state = pair.observe().await.unwrap();
        assert_eq!((seen(&state, Stable), state.candidate.desired), (is(revision, 4, 4), Replicas::ZERO));
    }
    assert_eq!((app_of(&api, "web"), app_of(&api, "web-candidate")), ("web".into(), "web-candidate".into()));
    assert_eq!((replicas_of(&api, "web"), replicas_of(&api, "web-candidate")), (4, 0));
    let mut expected = template;
    expected["spec"]["containers"][0]["image"] = "web:v3".into();
    assert_eq!(api.get(DEPLOYMENTS, "web")["spec"]["template"], expected, "with no label of the other one");
}

#[tokio::test]
async fn the_way_back_is_one_write_while_the_old_pods_are_there() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    api.seen();
    pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 4)).await.unwrap();
    assert_eq!(written(&api), ["web of services"]);
    let state = pair.observe().await.unwrap();
    assert_eq!([seen(&state, Stable), seen(&state, Candidate)], [is("web:v1", 4, 4), is("web:v2", 4, 4)]);
    pair.apply(&of(Candidate, "web:v2", 0), &off(&first(), 5)).await.unwrap();
    assert_eq!((replicas_of(&api, "web"), replicas_of(&api, "web-candidate")), (4, 0));
    assert_eq!((app_of(&api, "web"), app_of(&api, "web-candidate")), ("web".into(), "web-candidate".into()));
}

#[tokio::test]
async fn an_abort_ends_the_candidate_also_where_a_person_has_switched() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    api.merge(SERVICES, "web", &json!({"spec": {"selector": {"app": "web-candidate"}}}));
    pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 3)).await.unwrap();
    pair.apply(&of(Candidate, "web:v2", 0), &off(&first(), 4)).await.unwrap();
    assert_eq!(app_of(&api, "web"), "web");
    assert_eq!((replicas_of(&api, "web"), replicas_of(&api, "web-candidate")), (4, 0));
}

#[tokio::test]
async fn a_selector_that_a_person_has_led_astray_is_said_and_not_overwritten() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    api.merge(SERVICES, "web", &json!({"spec": {"selector": {"app": "api"}}}));
    let state = pair.observe().await.unwrap();
    let why = state.stable.failing.clone().unwrap().to_string();
    assert!(
        why.contains("\"app=api,tier=front\" must catch the pods of Deployment web or web-candidate"),
        "{why}"
    );
    assert_eq!(seen(&state, Stable), is("web:v1", 4, 0));
    let error = pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap_err();
    assert!(error.kind() == FailureKind::Permanent && error.to_string().contains("must catch"), "{error}");
    // And as soon as he has put it back it goes on.
    api.merge(SERVICES, "web", &json!({"spec": {"selector": {"app": "web"}}}));
    pair.apply(&of(Stable, "web:v2", 4), &on(&first(), 4)).await.unwrap();
    assert_eq!(app_of(&api, "web"), "web-candidate");
}
