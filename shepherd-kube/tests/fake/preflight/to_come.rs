//! The pods of the revision that is to come, where it was said which that is.

use serde_json::{Value, json};
use shepherd_kube::preflight::Severity::Error;
use shepherd_kube::preflight::{Preflight, Report};
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::shop::{DEPLOYMENTS, QUOTAS, SERVICES, Shop, checked_as, checked_with, deployment, says, service};
use crate::api::Seen;

const CANDIDATE: &str = "Deployment shop/web-candidate";

/// A pair whose `v2` is made by a patch.
fn patched(patch: &Value) -> impl Fn(DeploymentPair) -> DeploymentPair + use<> {
    let patch = patch.clone();
    move |pair| {
        let patch = patch.clone();
        pair.patched_by(move |revision| match revision.as_str() {
            "v2" => Ok(patch.clone()),
            _ => Err("only of v2 there is a patch".to_owned()),
        })
    }
}

async fn to(shop: Shop, revision: &str, setting: impl Fn(DeploymentPair) -> DeploymentPair) -> Report {
    checked_as(&shop.open(), setting, |preflight| preflight.candidate(revision.parse().unwrap())).await
}

fn env_from(name: &str) -> Value {
    json!([{"op": "add", "path": "/spec/containers/0/envFrom/-", "value": {"configMapRef": {"name": name}}}])
}

#[tokio::test]
async fn an_image_needs_nothing_that_stable_does_not() {
    let report = to(Shop::sound(), "web:v2", |pair| pair).await;
    assert!(report.findings().is_empty(), "{report}");
}

#[tokio::test]
async fn what_only_a_patch_needs_is_found_when_it_is_said_which() {
    let next = env_from("flags");
    let report = checked_with(&Shop::sound().open(), patched(&next)).await;
    assert!(report.findings().is_empty(), "{report}");
    let report = to(Shop::sound(), "v2", patched(&next)).await;
    says(&report, Error, "Deployment shop/web", "need ConfigMap flags", "create ConfigMap flags");
    let report = to(Shop::sound(), "v2", patched(&env_from("settings"))).await;
    assert!(report.findings().is_empty(), "{report}");
}

#[tokio::test]
async fn a_quota_is_for_what_the_patch_asks_for() {
    let room = || {
        let mut shop = Shop::sound();
        let status = json!({"hard": {"requests.cpu": "2500m"}, "used": {"requests.cpu": "1"}});
        shop.add(QUOTAS, json!({"metadata": {"name": "all"}, "spec": {}, "status": status}));
        shop
    };
    let greater = |cpu: &str| json!([{"op": "replace", "path": "/spec/containers/0/resources/requests/cpu", "value": cpu}]);
    let report = to(room(), "v2", patched(&greater("750m"))).await;
    assert!(report.findings().is_empty(), "{report}");
    let report = to(room(), "v2", patched(&greater("1"))).await;
    says(&report, Error, "ResourceQuota shop/all", "requests.cpu 1 of 2500m is in use", "raise it");
}

#[tokio::test]
async fn a_revision_that_no_patch_makes_is_found() {
    let report = to(Shop::sound(), "v3", patched(&json!({}))).await;
    says(
        &report,
        Error,
        CANDIDATE,
        "there is no patch for v3: only of v2 there is a patch",
        "the revision's name",
    );
    let nowhere = json!([{"op": "remove", "path": "/spec/affinity"}]);
    let report = to(Shop::sound(), "v2", patched(&nowhere)).await;
    says(&report, Error, CANDIDATE, "the patch for v2", "correct the patch");
    let report = to(Shop::sound(), "v2", patched(&json!({"metadata": {"annotations": "none"}}))).await;
    says(
        &report,
        Error,
        CANDIDATE,
        "makes `metadata.annotations` something that is no object",
        "correct the patch",
    );
}

#[tokio::test]
async fn a_patch_of_a_label_that_something_selects_by_is_found() {
    let report = to(Shop::sound(), "v2", patched(&json!({"metadata": {"labels": {"app": "next"}}}))).await;
    says(
        &report,
        Error,
        CANDIDATE,
        "changes the label app, which its own selector needs",
        "correct the patch",
    );

    // Stable's pods have the label from the promotion on, and leave their Service.
    let mut shop = Shop::sound();
    shop.object(SERVICES, "web")["spec"]["selector"] = json!({"app": "web", "tier": "front"});
    let other_tier = patched(&json!({"metadata": {"labels": {"tier": "back"}}}));
    let named = |pair: DeploymentPair| other_tier(pair).services("web", "web-candidate");
    let report = to(shop, "v2", named).await;
    let what = "changes the label tier, which the selector of Service shop/web needs";
    says(&report, Error, "Deployment shop/web", what, "correct the patch");

    // Whether it is one of the Service's is not known where that cannot be read, and so it is no error.
    let mut shop = Shop::sound();
    shop.remove(SERVICES, "web-candidate");
    let report = to(shop, "v2", named).await;
    says(&report, Error, "Service shop/web-candidate", "it does not exist", "create it");

    // Not where nothing of stable's is written.
    let mut shop = Shop::sound();
    shop.object(SERVICES, "web")["spec"]["selector"] = json!({"app": "web", "tier": "front"});
    let report = to(shop, "v2", |pair| named(pair).promote_by(PromoteBy::External)).await;
    assert!(report.errors().next().is_none(), "{report}");
}

/// What was asked of an object, each with the image that it would have.
fn rehearsed(seen: &[Seen], path: &str) -> Vec<String> {
    let asked = seen.iter().filter(|seen| seen.dry && seen.path == path);
    let image = |body: &Value| {
        let of_template =
            |template: &Value| template["spec"]["containers"][0]["image"].as_str().map(str::to_owned);
        let changes = body.as_array().into_iter().flatten();
        let patched = changes.filter(|one| one["op"] == "replace" && one["path"] == "/spec/template");
        of_template(&body["spec"]["template"])
            .or_else(|| patched.map(|one| of_template(&one["value"])).next()?)
    };
    asked.map(|seen| image(&seen.body).unwrap_or_default()).collect()
}

#[tokio::test]
async fn admission_is_asked_about_the_pods_to_come_wherever_they_are_written() {
    let web = format!("{DEPLOYMENTS}/web");
    let candidate = format!("{DEPLOYMENTS}/web-candidate");
    for (there, way) in [(false, PromoteBy::Copy), (true, PromoteBy::Copy), (true, PromoteBy::External)] {
        let mut shop = Shop::sound();
        if there {
            shop.add(DEPLOYMENTS, made(&deployment("web")));
        }
        let api = shop.open();
        let client = api.client();
        let pair = DeploymentPair::new(client.clone(), "shop", "web").promote_by(way);
        let preflight = Preflight::of(&client).workload(&pair).candidate("web:v2".parse().unwrap());
        let report = preflight.check().await.unwrap();
        assert!(report.findings().is_empty(), "{report}");
        let seen = api.seen();
        let new = ["web:v1", "web:v2"].map(str::to_owned).to_vec();
        let change = [String::new(), "web:v2".to_owned()].to_vec();
        assert_eq!(rehearsed(&seen, DEPLOYMENTS), if there { Vec::new() } else { new }, "{way:?}");
        assert_eq!(rehearsed(&seen, &candidate), if there { change.clone() } else { Vec::new() }, "{way:?}");
        let copied = if way == PromoteBy::Copy { change } else { vec![String::new()] };
        assert_eq!(rehearsed(&seen, &web), copied, "{way:?}");
    }
}

/// The candidate between rollouts.
fn made(stable: &Value) -> Value {
    let mut made = stable.clone();
    made["metadata"]["name"] = "web-candidate".into();
    made["spec"]["replicas"] = 0.into();
    let labels = json!({"app": "web-candidate", "shepherd.rs/track": "candidate"});
    made["spec"]["selector"]["matchLabels"] = labels.clone();
    made["spec"]["template"]["metadata"]["labels"] = labels;
    made
}

#[tokio::test]
async fn a_patch_that_stable_has_already_is_not_made_again() {
    let mut shop = Shop::sound();
    let web = shop.object(DEPLOYMENTS, "web");
    web["spec"]["template"]["metadata"]["annotations"] = json!({"shepherd.rs/revision": "v2"});
    shop.add(SERVICES, service("unrelated", &json!({"app": "api"})));
    let once = json!([{"op": "test", "path": "/spec/containers/0/image", "value": "web:v0"}]);
    let report = to(shop, "v2", patched(&once)).await;
    assert!(report.findings().is_empty(), "{report}");
}
