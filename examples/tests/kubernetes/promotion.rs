//! How a candidate is made, and how it becomes stable.

use std::path::PathBuf;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Service;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use shepherd_testkit::cluster::{RunningLoad, Tally};
use tempfile::TempDir;

use crate::shop::Shop;
use crate::whole::only;
use crate::{gateway, nginx};

/// The Role of a program, and what it may do besides for a switch.
macro_rules! switching {
    ($role:literal) => {
        concat!(
            include_str!(concat!("../../kubernetes/roles/", $role)),
            include_str!("../../kubernetes/roles/promote-by-switch.yaml")
        )
    };
}

fn users(shop: &Shop) -> RunningLoad {
    shop.load.clone().unwrap().rate(100.0).start()
}

/// None of them was failed, and each of these images met some.
async fn met(users: RunningLoad, images: &[&str]) -> Tally {
    let tally = users.stop().await;
    println!("{tally}");
    assert_eq!(tally.failed(), 0, "{tally}");
    assert!(images.iter().all(|image| tally.by(image) > 0), "{tally}");
    tally
}

async fn deployment(shop: &Shop, name: &str) -> Value {
    serde_json::to_value(shop.namespace.api::<Deployment>().get(name).await.unwrap()).unwrap()
}

/// The Deployment to whose pods a Service sends, and how many replicas that wants.
async fn behind(shop: &Shop, service: &str) -> (String, u64) {
    let service = shop.namespace.api::<Service>().get(service).await.unwrap();
    let app = service.spec.and_then(|spec| spec.selector).unwrap_or_default()["app"].clone();
    let replicas = deployment(shop, &app).await["spec"]["replicas"].as_u64().unwrap();
    (app, replicas)
}

#[tokio::test]
async fn by_a_switch_the_deployments_change_roles_and_the_next_rollout_changes_them_back() {
    change_roles_there_and_back(&gateway::shop_of(switching!("gateway-canary.yaml")).await).await;
}

#[tokio::test]
async fn they_change_roles_behind_an_ingress_too() {
    change_roles_there_and_back(&nginx::shop_of(switching!("nginx-canary.yaml")).await).await;
}

async fn change_roles_there_and_back(shop: &Shop) {
    let users = users(shop);
    for (image, serves, rests) in [("shop:v2", "web-candidate", "web"), ("shop:v3", "web", "web-candidate")] {
        shop.roll_out(image, &["--promote-by", "switch"]).end().await.assert_code(0);
        assert_eq!(behind(shop, "web").await, (serves.to_owned(), 4));
        assert_eq!(behind(shop, "web-candidate").await, (rests.to_owned(), 0));
        only(shop, image).await;
    }
    met(users, &["shop:v1", "shop:v2", "shop:v3"]).await;
    let sets = shop.namespace.api::<ReplicaSet>().list(&ListParams::default()).await.unwrap();
    assert_eq!(sets.items.len(), 3, "no pod started twice");
}

/// Copied, it would end on pods that nobody is led to.
#[tokio::test]
async fn what_was_begun_by_a_switch_goes_on_by_nothing_else() {
    let shop = gateway::shop_of(switching!("gateway-canary.yaml")).await;
    let users = users(&shop);
    let mut program = shop.roll_out("shop:v2", &["--promote-by", "switch"]);
    program.until("promote is through").await;
    program.kill().await;
    for image in ["shop:v2", "shop:v3"] {
        shop.roll_out(image, &[]).end().await.assert_line(2, "promoted by a switch, and can neither go on");
    }
    shop.roll_out("shop:v2", &["--promote-by", "switch"]).end().await.assert_code(0);
    only(&shop, "shop:v2").await;
    met(users, &["shop:v1", "shop:v2"]).await;
}

#[tokio::test]
async fn what_was_made_by_a_patch_goes_on_by_nothing_else() {
    let shop = gateway::shop().await;
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, r#"{"spec": {"terminationGracePeriodSeconds": 5}}"#);
    let patched = ["--patch", file.to_str().unwrap()];
    let mut program = shop.roll_out("v1-beta", &patched);
    program.until("promote begins").await;
    program.kill().await;
    shop.roll_out("v1-beta", &[])
        .end()
        .await
        .assert_line(2, "made by a patch, promoted by copy, and can neither");
    shop.roll_out("v1-beta", &patched).end().await.assert_code(0);
}

#[tokio::test]
async fn an_external_owner_is_waited_for_until_he_has_shipped_it() {
    let shop = gateway::shop().await;
    let users = users(&shop);
    let template = deployment(&shop, "web").await["spec"]["template"].clone();
    let program = shop.roll_out("shop:v2", &["--promote-by", "external"]);
    let wanted =
        async || deployment(&shop, "web").await["metadata"]["annotations"]["shepherd.rs/wanted"].clone();
    shop.namespace
        .eventually("the owner being waited for", async || {
            let wanted = wanted().await;
            Ok((wanted == "shop:v2").then_some(()).ok_or(wanted.to_string()))
        })
        .await
        .unwrap();
    assert_eq!(deployment(&shop, "web").await["spec"]["template"], template, "it is left to him");
    let manifest =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop:v2"}]}}}});
    let deployments = shop.namespace.api::<Deployment>();
    deployments.patch("web", &PatchParams::apply("owner"), &Patch::Strategic(manifest)).await.unwrap();
    program.end().await.assert_code(0);
    met(users, &["shop:v1", "shop:v2"]).await;
    assert_eq!(wanted().await, Value::Null);
    assert_eq!((behind(&shop, "web").await.1, behind(&shop, "web-candidate").await.1), (4, 0));
    only(&shop, "shop:v2").await;
}

fn written(folder: &TempDir, patch: &str) -> PathBuf {
    let file = folder.path().join("patch");
    std::fs::write(&file, patch).unwrap();
    file
}

#[tokio::test]
async fn a_patch_is_rolled_out_under_its_name() {
    let shop = gateway::shop().await;
    let (users, folder) = (users(&shop), tempfile::tempdir().unwrap());
    let patches = [
        (
            "beta",
            "- {op: replace, path: /spec/containers/0/image, value: 'shop:v2'}\n\
             - {op: add, path: /spec/containers/0/env, value: [{name: MODE, value: beta}]}\n",
        ),
        ("beta-slow", r#"{"spec": {"terminationGracePeriodSeconds": 5}}"#),
    ];
    for (name, patch) in patches {
        let file = written(&folder, patch);
        let ended = shop.roll_out(name, &["--patch", file.to_str().unwrap()]).end().await;
        ended.assert_code(0);
        assert!(ended.told.ends_with(&format!("{name} was promoted")), "{ended:#?}");
        let template = &deployment(&shop, "web").await["spec"]["template"];
        assert_eq!(template["metadata"]["annotations"]["shepherd.rs/revision"], name);
        let container = &template["spec"]["containers"][0];
        assert_eq!(
            (&container["image"], &container["env"]),
            (&json!("shop:v2"), &json!([{"name": "MODE", "value": "beta"}]))
        );
    }
    assert_eq!(
        deployment(&shop, "web").await["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
        5
    );
    met(users, &["shop:v1", "shop:v2"]).await;
    only(&shop, "shop:v2").await;
}

#[tokio::test]
async fn a_patch_that_does_not_fit_is_refused_before_anything_is_begun() {
    let (shop, folder) = (gateway::shop().await, tempfile::tempdir().unwrap());
    let file = written(&folder, "[{op: remove, path: /spec/containers/7}]");
    let patched = ["--patch", file.to_str().unwrap()];
    let why = "the patch for beta does not fit the template: its operation";
    shop.roll_out("beta", &patched).end().await.assert_line(2, why);

    // Nor is another one ended for it.
    gateway::leave_in_the_middle(&shop, "1s").await;
    shop.roll_out("beta", &patched).end().await.assert_line(2, why);
    gateway::is_still_in_the_middle(&shop).await;
}
