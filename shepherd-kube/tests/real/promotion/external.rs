use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use shepherd_core::driver::Handle;
use shepherd_core::machine::{Ending, Outcome};
use shepherd_core::model::Weight;
use shepherd_kube::workload::PromoteBy;

use super::{STEP, ada, image, pair, rollout};
use crate::shop::{Shop, Way};

async fn begun(shop: &Shop) -> Handle {
    let (client, namespace) = (shop.namespace.client(), shop.namespace.name());
    let pair = pair(client.clone(), namespace, PromoteBy::External);
    rollout(client, namespace, pair, STEP).start(image("shop:v2")).await.unwrap()
}

async fn waits_for(shop: &Shop, handle: &Handle, text: &str) {
    let look = async || {
        let waiting = handle.status().waiting.on.to_string();
        Ok(waiting.contains(text).then_some(()).ok_or(waiting))
    };
    shop.namespace.eventually("the wait to be said", look).await.unwrap();
}

/// The owner applies his manifest.
async fn ships(shop: &Shop, version: &str) {
    let container = json!({"name": "app", "image": version});
    let manifest = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    let deployments = shop.namespace.api::<Deployment>();
    deployments.patch("web", &PatchParams::apply("owner"), &Patch::Strategic(manifest)).await.unwrap();
}

async fn ended(shop: &Shop, handle: &Handle) -> Outcome {
    let outcome = handle.done().await.unwrap();
    assert_eq!((shop.exposure().await.weight, shop.replicas_of("web-candidate").await), (Weight::ZERO, 0));
    let stable = shop.namespace.api::<Deployment>().get("web").await.unwrap();
    let left = stable.metadata.annotations.unwrap_or_default();
    assert!(
        ["shepherd.rs/wanted", "shepherd.rs/until-then"].iter().all(|key| !left.contains_key(*key)),
        "{left:?}"
    );
    outcome
}

#[tokio::test]
async fn it_is_promoted_when_the_owner_has_shipped_it() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let spec = async || shop.namespace.api::<Deployment>().get("web").await.unwrap().spec.unwrap();
    let before = spec().await;
    let handle = begun(&shop).await;
    waits_for(&shop, &handle, "waiting for its owner to ship shop:v2; it runs shop:v1").await;
    assert_eq!(spec().await, before, "Shepherd writes nothing of it");
    ships(&shop, "shop:v2").await;
    let shipped = spec().await;
    let outcome = ended(&shop, &handle).await;
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    assert_eq!(spec().await, shipped);
    users.met(&["shop:v1", "shop:v2"]).await;
}

#[tokio::test]
async fn before_the_owner_has_shipped_it_an_abort_waits_for_nobody() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let handle = begun(&shop).await;
    waits_for(&shop, &handle, "waiting for its owner to ship shop:v2").await;
    handle.abort(ada(), "no reason").await.unwrap();
    assert_eq!(ended(&shop, &handle).await.ending(), Ending::Aborted);
    users.met(&["shop:v1", "shop:v2"]).await;
}

#[tokio::test]
async fn after_the_owner_has_shipped_it_an_abort_waits_until_he_has_restored_it() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let handle = begun(&shop).await;
    waits_for(&shop, &handle, "waiting for its owner to ship shop:v2").await;
    // What he ships counts as available only later, so that it is not through before the abort.
    shop.patch("web", json!({"spec": {"minReadySeconds": 500}})).await;
    ships(&shop, "shop:v2").await;
    handle.abort(ada(), "no reason").await.unwrap();
    waits_for(&shop, &handle, "waiting for its owner to ship shop:v1; it runs shop:v2").await;
    shop.patch("web", json!({"spec": {"minReadySeconds": 0}})).await;
    ships(&shop, "shop:v1").await;
    assert_eq!(ended(&shop, &handle).await.ending(), Ending::Aborted);
    users.met(&["shop:v1", "shop:v2"]).await;
}

/// He may ship a hotfix where the candidate was waited for.
#[tokio::test]
async fn whatever_else_the_owner_ships_gets_the_users() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let handle = begun(&shop).await;
    waits_for(&shop, &handle, "waiting for its owner to ship shop:v2").await;
    ships(&shop, "shop:v3").await;
    let outcome = ended(&shop, &handle).await;
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(outcome.why().contains("somebody made stable shop:v3"), "{}", outcome.why());
    shop.only("shop:v3").await;
    users.met(&["shop:v1", "shop:v2", "shop:v3"]).await;
}
