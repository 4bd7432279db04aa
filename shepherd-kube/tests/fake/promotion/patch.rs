use serde_json::{Value, json};
use shepherd_core::model::{FailureKind, Track};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::switch::seen;
use super::{Fixture, SECRET, first, of, off, on, pair, replicas_of, shop};
use crate::api::Api;
use crate::deployment_pair::DEPLOYMENTS;
use crate::words::fence;

use Track::{Candidate, Stable};

/// A new image, by a patch.
fn by_image(pair: DeploymentPair) -> DeploymentPair {
    pair.patched_by(|revision| {
        Ok(json!([{"op": "replace", "path": "/spec/containers/0/image", "value": revision.as_str()}]))
    })
}

shepherd_testkit::workload_conformance!(|| Fixture::of(|api| by_image(pair(api, PromoteBy::Copy))));
shepherd_testkit::workload_conformance!(switch_conformance => || Fixture::of(|api| by_image(pair(api, PromoteBy::Switch))));

/// The same image in another mode.
fn by_mode(pair: DeploymentPair) -> DeploymentPair {
    pair.patched_by(|mode| match mode.as_str() {
        "unheard-of" => Err("there is no such mode".to_owned()),
        mode => Ok(json!([{"op": "add", "path": "/spec/containers/0/env/-", "value": {"name": "MODE", "value": mode}}])),
    })
}

fn template(api: &Api, deployment: &str) -> Value {
    api.get(DEPLOYMENTS, deployment)["spec"]["template"].clone()
}

fn annotation(api: &Api, key: &str) -> Value {
    api.get(DEPLOYMENTS, "web")["metadata"]["annotations"][key].clone()
}

/// A rollout of the mode `beta` that has its candidate beside stable.
async fn at_full_weight(api: &Api) -> DeploymentPair {
    let pair = by_mode(pair(api, PromoteBy::Copy));
    pair.claim(&first()).await.unwrap();
    pair.apply(&of(Candidate, "beta", 4), &on(&first(), 2)).await.unwrap();
    pair
}

#[tokio::test]
async fn a_patch_makes_the_candidate_and_then_stable() {
    let api = shop(4);
    let before = template(&api, "web");
    let pair = at_full_weight(&api).await;
    let state = pair.observe().await.unwrap();
    assert_eq!([seen(&state, Stable).0, seen(&state, Candidate).0], ["web:v1", "beta"]);
    let made = template(&api, "web-candidate");
    assert_eq!(made["spec"]["containers"][0]["env"][1], json!({"name": "MODE", "value": "beta"}));
    assert_eq!(
        (&made["metadata"]["labels"]["app"], &made["metadata"]["annotations"]),
        (&json!("web-candidate"), &json!({"shepherd.rs/revision": "beta"}))
    );

    pair.apply(&of(Stable, "beta", 4), &on(&first(), 3)).await.unwrap();
    let mut expected = made;
    expected["metadata"]["labels"] = before["metadata"]["labels"].clone();
    assert_eq!(template(&api, "web"), expected);
    let originals = annotation(&api, "shepherd.rs/originals");
    assert_eq!(
        serde_json::from_str::<Value>(originals.as_str().unwrap()).unwrap(),
        json!({"template": before})
    );
    assert_eq!(seen(&pair.observe().await.unwrap(), Stable), ("beta".to_owned(), 4, 4));

    pair.apply(&of(Candidate, "beta", 0), &on(&first(), 4)).await.unwrap();
    assert_eq!(
        (annotation(&api, "shepherd.rs/originals"), replicas_of(&api, "web-candidate")),
        (Value::Null, 0)
    );
}

#[tokio::test]
async fn the_way_back_restores_the_template_exactly() {
    // By a process that was told another patch, and knows none for what was before; and by one that was told none.
    let other = |pair: DeploymentPair| pair.patched_by(|_| Err("none".to_owned()));
    for told in [other, |pair| pair] {
        let api = shop(4);
        let before = template(&api, "web");
        at_full_weight(&api).await.apply(&of(Stable, "beta", 4), &on(&first(), 3)).await.unwrap();
        let pair = told(pair(&api, PromoteBy::Copy));
        pair.claim(&fence(1, 2)).await.unwrap();
        pair.apply(&of(Stable, "web:v1", 4), &off(&fence(1, 2), 4)).await.unwrap();
        assert_eq!((template(&api, "web"), annotation(&api, "shepherd.rs/originals")), (before, Value::Null));
        assert_eq!(seen(&pair.observe().await.unwrap(), Stable), ("web:v1".to_owned(), 4, 4));
    }
}

#[tokio::test]
async fn another_rollout_puts_nothing_back_of_one_before_it() {
    let api = shop(4);
    at_full_weight(&api).await.apply(&of(Stable, "beta", 4), &on(&first(), 3)).await.unwrap();
    let pair = by_mode(pair(&api, PromoteBy::Copy));
    pair.claim(&fence(2, 2)).await.unwrap();
    assert_eq!(annotation(&api, "shepherd.rs/originals"), Value::Null);
    // And it patches what has become stable, also where the candidate of the one before still runs.
    pair.apply(&of(Candidate, "gamma", 4), &on(&fence(2, 2), 2)).await.unwrap();
    let env = template(&api, "web-candidate")["spec"]["containers"][0]["env"].clone();
    assert_eq!(
        (&env[1]["value"], &env[2]["value"], &env[3]),
        (&json!("beta"), &json!("gamma"), &Value::Null)
    );
}

#[tokio::test]
async fn a_merge_patch_does_too() {
    let api = shop(4);
    let pair = pair(&api, PromoteBy::Copy).patched_by(|seconds| {
        let seconds: u32 = seconds.as_str().parse().map_err(|_| "it must be seconds")?;
        Ok(json!({"spec": {"terminationGracePeriodSeconds": seconds}, "metadata": {"labels": {"fast": "yes"}}}))
    });
    pair.apply(&of(Candidate, "7", 1), &on(&first(), 1)).await.unwrap();
    let made = template(&api, "web-candidate");
    assert_eq!(
        (&made["spec"]["terminationGracePeriodSeconds"], &made["metadata"]["labels"]["fast"]),
        (&json!(7), &json!("yes"))
    );
    assert_eq!(made["spec"]["containers"], template(&api, "web")["spec"]["containers"]);
}

/// What comes of a patch, which must say this and nothing of anybody's environment.
async fn refused(patch: Value, track: Track, said: &[&str]) {
    let api = shop(4);
    let before = api.list(DEPLOYMENTS);
    let pair = pair(&api, PromoteBy::Copy).patched_by(move |_| Ok(patch.clone()));
    let error = pair.apply(&of(track, "beta", 4), &on(&first(), 1)).await.unwrap_err();
    assert_eq!((error.kind(), api.list(DEPLOYMENTS)), (FailureKind::Permanent, before));
    let text = format!("{error} {error:?}");
    assert!(said.iter().all(|said| text.contains(said)) && !text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn labels_that_selectors_need_stay() {
    for (track, own) in [(Stable, "web"), (Candidate, "web-candidate")] {
        let relabels = json!({"metadata": {"labels": {"app": "other"}}});
        refused(relabels, track, &["changes the label app", "needs; leave it as it is"]).await;
        let takes_away = json!([{"op": "remove", "path": "/metadata/labels/tier"}]);
        let service = format!("the selector of Service shop/{own} needs");
        refused(takes_away, track, &["changes the label tier", &service, "add another label"]).await;
    }
}

#[tokio::test]
async fn a_deployments_own_selector_needs_its_labels_too() {
    for track in Track::BOTH {
        let api = shop(4);
        let pair = DeploymentPair::new(api.client(), "shop", "web")
            .patched_by(|_| Ok(json!({"metadata": {"labels": {"app": "other", "tier": "back"}}})));
        let error = pair.apply(&of(track, "beta", 4), &on(&first(), 1)).await.unwrap_err().to_string();
        assert!(error.contains("changes the label app, which its own selector needs"), "{error}");
    }
}

#[tokio::test]
async fn a_patch_that_does_not_fit_is_said_without_its_values() {
    for track in Track::BOTH {
        refused(json!(SECRET), track, &["is neither an object (JSON merge patch) nor a list (JSON Patch)"])
            .await;
        refused(json!([SECRET]), track, &["is a list, and not of JSON Patch operations"]).await;
        refused(json!({"spec": null}), track, &["leaves no `metadata` or no `spec`"]).await;
        let test = json!([{"op": "test", "path": "/spec/containers/0/env/0/value", "value": "?"}]);
        refused(test, track, &["its operation 0 at /spec/containers/0/env/0/value: value did not match"])
            .await;
        let nowhere = json!([{"op": "replace", "path": "/spec/volumes/0/name", "value": SECRET}]);
        refused(nowhere, track, &["its operation 0 at /spec/volumes/0/name: path is invalid"]).await;
    }
}

#[tokio::test]
async fn a_revision_without_a_patch_is_told_with_its_reason() {
    let api = shop(4);
    let pair = by_mode(pair(&api, PromoteBy::Copy));
    let error = pair.apply(&of(Candidate, "unheard-of", 4), &on(&first(), 1)).await.unwrap_err().to_string();
    assert!(error.contains("there is no patch for unheard-of: there is no such mode"), "{error}");
}

#[tokio::test]
async fn what_a_server_or_a_damaged_annotation_says_shows_no_value() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    pair.apply(&of(Stable, "beta", 4), &on(&first(), 3)).await.unwrap();
    let damaged = json!({"metadata": {"annotations": {"shepherd.rs/originals": format!("{SECRET}: ?")}}});
    api.merge(DEPLOYMENTS, "web", &damaged);
    let error = pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 4)).await.unwrap_err();
    let text = format!("{error} {error:?} {pair:?}");
    assert!(text.contains("shepherd.rs/originals is damaged") && !text.contains(SECRET), "{text}");
}
