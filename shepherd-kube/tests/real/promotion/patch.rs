use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use serde_json::{Value, json};
use shepherd_core::driver::Rollout;
use shepherd_core::machine::Ending;
use shepherd_core::model::Weight;
use shepherd_kube::workload::PromoteBy;

use super::{STEP, ada, image, pair, rollout};
use crate::process::{Fate, Process, Trap};
use crate::shop::{Shop, Way};

/// Revisions such as `shop:v2/beta`: an image, and a mode that stands in the environment.
fn by_mode(client: Client, namespace: &str) -> Rollout {
    let pair = pair(client.clone(), namespace, PromoteBy::Copy).patched_by(|revision| {
        let (image, mode) = revision.as_str().split_once('/').ok_or("it must be IMAGE/MODE")?;
        Ok(json!([
            {"op": "replace", "path": "/spec/containers/0/image", "value": image},
            {"op": "add", "path": "/spec/containers/0/env", "value": [{"name": "MODE", "value": mode}]},
        ]))
    });
    rollout(client, namespace, pair, STEP)
}

async fn template(shop: &Shop, deployment: &str) -> Value {
    let found = shop.namespace.api::<Deployment>().get(deployment).await.unwrap();
    serde_json::to_value(found.spec.unwrap().template).unwrap()
}

async fn keeps_originals(shop: &Shop) -> bool {
    let stable = shop.namespace.api::<Deployment>().get("web").await.unwrap();
    stable.metadata.annotations.unwrap_or_default().contains_key("shepherd.rs/originals")
}

#[tokio::test]
async fn an_environment_is_rolled_out_and_promoted() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let revision = image("shop:v2/beta");
    let handle = by_mode(shop.namespace.client(), shop.namespace.name()).start(revision).await.unwrap();
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    users.met(&["shop:v1", "shop:v2"]).await;
    let stable = template(&shop, "web").await;
    assert_eq!(stable["spec"]["containers"][0]["env"], json!([{"name": "MODE", "value": "beta"}]));
    assert_eq!(stable["metadata"]["annotations"], json!({"shepherd.rs/revision": "shop:v2/beta"}));
    assert_eq!(stable["metadata"]["labels"], json!({"app": "web"}));
    assert!(!keeps_originals(&shop).await);
    // The same image in another mode.
    let revision = image("shop:v2/gamma");
    let handle = by_mode(shop.namespace.client(), shop.namespace.name()).start(revision).await.unwrap();
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    let stable = template(&shop, "web").await;
    assert_eq!(stable["spec"]["containers"][0]["env"][0]["value"], "gamma");
}

#[tokio::test]
async fn an_abort_while_it_is_promoted_restores_the_template_exactly() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let before = template(&shop, "web").await;
    let trap = Trap::after_the_claim("/deployments/web", "/endpointslices", Fate::Held);
    let process = Process::new();
    let (cluster, namespace) = (Arc::clone(shop.namespace.cluster()), shop.namespace.name().to_owned());
    let caught = trap.clone();
    let work = async move {
        let client = caught.client(&cluster, &namespace);
        by_mode(client, &namespace).start(image("shop:v2/beta")).await.unwrap()
    };
    let handle = process.run(work).await;
    trap.snaps().await;
    assert_eq!(template(&shop, "web").await["spec"]["containers"][0]["env"][0]["value"], "beta");
    assert!(keeps_originals(&shop).await);
    handle.abort(ada(), "no reason").await.unwrap();
    trap.open();
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Aborted, "{}", outcome.why());
    assert_eq!(template(&shop, "web").await, before);
    assert!(!keeps_originals(&shop).await);
    assert_eq!((shop.exposure().await.weight, shop.replicas_of("web-candidate").await), (Weight::ZERO, 0));
    users.met(&["shop:v1", "shop:v2"]).await;
    process.kill();
}
