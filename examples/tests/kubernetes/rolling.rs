use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use shepherd_testkit::cluster::{Behaviour, Cluster, Load, Namespace};

use crate::shop::Shop;
use crate::whole::{only, whole_rollouts};

const ROLES: &str = include_str!("../../kubernetes/roles/rolling-update.yaml");

/// The Role of this kind, of those in the manifest.
fn role(kind: &str) -> &'static str {
    let is_of_it = |role: &&str| role.contains(&format!("for a {kind}."));
    ROLES.split("---").find(is_of_it).expect("each kind has one")
}

fn object(more: &Value) -> Value {
    let labels = json!({"app": "web"});
    let container = json!({"name": "app", "image": "shop:v1", "ports": [{"containerPort": 8080}]});
    let mut spec = json!({
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    });
    for (field, value) in more.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    json!({"metadata": {"name": "web"}, "spec": spec})
}

/// Pods behind kube-proxy.
async fn opened(shop: Namespace, kind: &str, pods: usize) -> Shop {
    shop.ready_pods("app=web", pods).await.unwrap();
    let load = Load::to(shop.service("web", "web").await.unwrap());
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_rolling-update"), role(kind)).await
}

async fn namespace() -> Namespace {
    Cluster::shared().await.unwrap().namespace("rolling").await.unwrap()
}

async fn deployment() -> Shop {
    let shop = namespace().await;
    shop.create_object::<Deployment>(object(&json!({"replicas": 4}))).await.unwrap();
    opened(shop, "Deployment", 4).await
}

async fn stateful_set() -> Shop {
    let shop = namespace().await;
    let more = json!({"replicas": 3, "serviceName": "web"});
    shop.create_object::<StatefulSet>(object(&more)).await.unwrap();
    opened(shop, "StatefulSet", 3).await.always(&["--kind", "statefulset"])
}

/// One pod on each of the two nodes that the shared cluster has.
async fn daemon_set() -> Shop {
    let shop = namespace().await;
    shop.create_object::<DaemonSet>(object(&json!({}))).await.unwrap();
    opened(shop, "DaemonSet", 2).await.always(&["--kind", "daemonset"])
}

mod of_a_deployment {
    super::whole_rollouts!(super::deployment(), killed_at ["scale-candidate-1 begins", "scale-stable-3 begins", "scale-candidate-2 begins"]);
}

mod of_a_stateful_set {
    super::whole_rollouts!(super::stateful_set(), killed_at ["scale-candidate-1 begins", "scale-candidate-2 begins"]);
}

mod of_a_daemon_set {
    super::whole_rollouts!(super::daemon_set(), killed_at["scale-candidate-1 begins"]);
}

#[tokio::test]
async fn what_cannot_be_rolled_out_in_place_is_refused_before_anything_is_changed() {
    let shop = stateful_set().await;
    shop.roll_out("shop:v2", &["--max-surge", "1"]).end().await.assert_error(2, "only a Deployment");
    shop.roll_out("shop:v2", &["--max-unavailable", "0"]).end().await.assert_code(2);
    shop.roll_out("shop:v2", &["--container", "apq"]).end().await.assert_error(2, "it has no container apq");
    let sets = shop.namespace.api::<StatefulSet>();
    let no_history = Patch::Merge(json!({"spec": {"revisionHistoryLimit": 0}}));
    let before = sets.patch("web", &PatchParams::default(), &no_history).await.unwrap();
    shop.roll_out("shop:v2", &[]).end().await.assert_error(2, "revisionHistoryLimit is 0");
    let after = sets.get("web").await.unwrap();
    assert_eq!((after.spec, after.metadata.annotations), (before.spec, before.metadata.annotations));
}

/// Whoever has it comes to nothing is told why, and what ends it.
#[tokio::test]
async fn a_hotfix_that_itself_is_broken_is_told_until_it_is_undone() {
    let shop = deployment().await;
    let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
    program.until("scale-candidate-1 is through").await;
    set_image(&shop, &Behaviour::Unpullable.image("shop:v3")).await;
    program.until("taken back: somebody made stable").await;
    program.until("(somebody has made it shop:v3-unpullable; mend that, or undo it: ").await;
    program.interrupt().await;
    program.until("it is being taken back already (").await;
    set_image(&shop, "shop:v1").await;
    let ended = program.end().await;
    ended.assert_code(1);
    assert!(ended.told.contains("ImagePullBackOff"), "{ended:#?}");
    only(&shop, "shop:v1").await;
}

/// Its last pods take a moment to end after it has.
#[tokio::test]
async fn another_image_follows_on_what_was_left_in_the_middle() {
    let shop = deployment().await;
    let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
    program.until("scale-candidate-1 is through").await;
    program.kill().await;
    shop.roll_out("shop:v3", &["--dry-run"]).end().await.assert_code(0);
    let ended = shop.roll_out("shop:v3", &[]).end().await;
    ended.assert_code(0);
    assert!(ended.told.contains("shop:v2 was rolled back"), "{ended:#?}");
    only(&shop, "shop:v3").await;
}

/// As `kubectl set image` does.
async fn set_image(shop: &Shop, image: &str) {
    let container = json!({"name": "app", "image": image});
    let patch = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    let deployments = shop.namespace.api::<Deployment>();
    deployments.patch("web", &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
}
