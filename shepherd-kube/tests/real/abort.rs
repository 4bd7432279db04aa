//! An abort waits for nobody: not for a pod of stable that is not ready, and may never be.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use shepherd_core::machine::Ending;
use shepherd_core::model::Actor;
use shepherd_testkit::cluster::PodScript;

use crate::ground::ready_images;
use crate::shop::{REPLICAS, Shop, Way};

#[tokio::test]
async fn a_route_is_off_at_once_though_one_of_four_pods_is_unready() {
    is_off_at_once(Way::Envoy, one_of_four_is_unready).await;
}

#[tokio::test]
async fn an_ingress_is_off_at_once_though_one_of_four_pods_is_unready() {
    is_off_at_once(Way::Nginx, one_of_four_is_unready).await;
}

#[tokio::test]
async fn a_service_is_switched_back_at_once_though_one_of_four_pods_is_unready() {
    is_off_at_once(Way::Selector, one_of_four_is_unready).await;
}

#[tokio::test]
async fn a_route_is_off_at_once_though_somebody_changes_the_template_of_stable() {
    is_off_at_once(Way::Envoy, a_fifth_has_no_node).await;
}

async fn is_off_at_once(way: Way, hurt: impl AsyncFn(&Shop)) {
    let shop = Shop::open(way).await;
    let users = shop.users();
    let handle = shop.start("shop:v2", Duration::from_mins(10)).await;
    let mut watch = handle.watch();
    while !handle.status().in_effect || handle.status().exposure.is_off() {
        watch.next().await.unwrap();
    }
    hurt(&shop).await;
    let from = shop.namespace.cluster().audit().mark().unwrap();
    handle.abort(Actor::new("ada").unwrap(), "no reason").await.unwrap();
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Aborted, "{}", outcome.why());
    assert!(shop.exposure().await.is_off());
    assert!(is_unready(&shop).await.is_ok(), "it is still not repaired");
    // The first routing write was all that it took: none before it left a part of the users there.
    let resource = match way {
        Way::Envoy => "httproutes",
        Way::Nginx => "ingresses",
        Way::Selector => "services",
    };
    let writes = shop.namespace.cluster().audit().since(from).unwrap().within(shop.namespace.name());
    assert_eq!(writes.to(resource).by_user("admin").count(), 1, "{writes:?}");
    shop.only("shop:v1").await;
    users.none_failed().await;
}

fn stable(way: Way) -> (&'static str, &'static str) {
    match way {
        Way::Selector => ("web-blue", "color=blue"),
        Way::Envoy | Way::Nginx => ("web", "app=web"),
    }
}

/// Its check fails from now on.
async fn one_of_four_is_unready(shop: &Shop) {
    let (_, selector) = stable(shop.way);
    let pod = shop.namespace.ready_pods(selector, REPLICAS).await.unwrap()[0].name_any();
    let unready = PodScript::new().never_ready().to_string();
    let script = json!({"metadata": {"annotations": {PodScript::ANNOTATION: unready}}});
    shop.namespace.api::<Pod>().patch(&pod, &PatchParams::default(), &Patch::Merge(script)).await.unwrap();
    shop.eventually("three ready pods", async || {
        let ready = ready_images(&shop.namespace, selector).await.unwrap();
        let three = ready.values().all(|count| count.get() as usize == REPLICAS - 1);
        if three { Ok(()) } else { Err(format!("{ready:?}")) }
    })
    .await;
    shop.eventually("one that is not", async || is_unready(shop).await).await;
}

/// One more, of a new template, that no node has room for.
async fn a_fifth_has_no_node(shop: &Shop) {
    let (deployment, _) = stable(shop.way);
    let huge = json!({"name": "app", "resources": {"requests": {"cpu": "100k"}}});
    let spec = json!({"replicas": REPLICAS + 1, "template": {"spec": {"containers": [huge]}}});
    shop.patch(deployment, json!({"spec": spec})).await;
    shop.eventually("a pod of stable being unready", async || is_unready(shop).await).await;
}

async fn is_unready(shop: &Shop) -> Result<(), String> {
    let (deployment, _) = stable(shop.way);
    let deployment = shop.namespace.api::<Deployment>().get(deployment).await.unwrap();
    let unready = deployment.status.and_then(|status| status.unavailable_replicas);
    if unready > Some(0) { Ok(()) } else { Err(format!("{unready:?} are unready")) }
}
