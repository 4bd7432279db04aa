use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use shepherd_testkit::cluster::{Cluster, Connections, Load};

#[tokio::test]
async fn pods_of_a_deployment_serve_through_the_address_of_a_service() {
    let shop = Cluster::shared().await.unwrap().namespace("shop").await.unwrap();
    shop.deployment("web", "shop:v1", 3).await.unwrap();
    shop.ready_pods("app=web", 3).await.unwrap();
    let address = shop.service("web", "web").await.unwrap();
    reached(&shop, address).await;

    let tally = Load::to(address).send(200).await;
    assert_eq!((tally.failed(), tally.by("shop:v1")), (0, 200), "{tally}");
}

#[tokio::test]
async fn a_rolling_update_loses_no_request_on_fresh_and_on_kept_connections() {
    let shop = Cluster::shared().await.unwrap().namespace("shop").await.unwrap();
    shop.deployment("web", "shop:v1", 3).await.unwrap();
    shop.ready_pods("app=web", 3).await.unwrap();
    let address = shop.service("web", "web").await.unwrap();
    reached(&shop, address).await;

    let fresh = Load::to(address).rate(200.0).start();
    let kept = Load::to(address).connections(Connections::Kept).rate(200.0).start();
    let image = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "app", "image": "shop:v2" }] } } } });
    let deployments = shop.api::<Deployment>();
    deployments.patch("web", &PatchParams::default(), &Patch::Strategic(image)).await.unwrap();
    shop.eventually("only shop:v2 being left", async || {
        let pods = shop.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
        let old = pods
            .iter()
            .filter(|pod| pod.spec.as_ref().unwrap().containers[0].image.as_deref() != Some("shop:v2"));
        Ok(match old.count() {
            0 => Ok(()),
            old => Err(format!("{old} old pods")),
        })
    })
    .await
    .unwrap();
    for load in [fresh, kept] {
        let tally = load.stop().await;
        println!("{tally}");
        assert_eq!((tally.failed(), tally.sent_again()), (0, 0), "{tally}");
        assert!(tally.by("shop:v1") > 0 && tally.by("shop:v2") > 0, "{tally}");
    }
}

#[tokio::test]
async fn a_selector_switch_moves_fresh_connections_and_leaves_kept_ones() {
    let shop = Cluster::shared().await.unwrap().namespace("shop").await.unwrap();
    shop.deployment("blue", "shop:v1", 2).await.unwrap();
    shop.deployment("green", "shop:v2", 2).await.unwrap();
    shop.ready_pods("app=blue", 2).await.unwrap();
    shop.ready_pods("app=green", 2).await.unwrap();
    let address = shop.service("web", "blue").await.unwrap();
    reached(&shop, address).await;

    let fresh = Load::to(address).rate(200.0).start();
    let kept = Load::to(address).connections(Connections::Kept).rate(200.0).start();
    shop.eventually("kept connections", async || {
        Ok((kept.so_far().sent() > 50).then_some(()).ok_or("too few".into()))
    })
    .await
    .unwrap();
    let switch = json!({ "spec": { "selector": { "app": "green" } } });
    shop.api::<Service>().patch("web", &PatchParams::default(), &Patch::Merge(switch)).await.unwrap();
    let switched = fresh.so_far();
    shop.eventually("fresh connections to have moved", async || {
        Ok((fresh.so_far().by("shop:v2") > 100).then_some(()).ok_or("few moved".into()))
    })
    .await
    .unwrap();
    let (fresh, kept) = (fresh.stop().await, kept.stop().await);
    println!("switched after {:?}; fresh: {fresh}; kept: {kept}", switched.last_by("shop:v1"));
    assert!(fresh.failed() == 0 && fresh.last_by("shop:v1") < fresh.last_by("shop:v2"), "{fresh}");
    assert!(kept.failed() == 0 && kept.by("shop:v2") == 0, "{kept}");
    shop.api::<Deployment>().delete("blue", &DeleteParams::default()).await.unwrap();
}

/// kube-proxy learns of a Service a little later.
async fn reached(shop: &shepherd_testkit::cluster::Namespace, address: std::net::SocketAddr) {
    shop.eventually("the Service to answer", async || {
        let tally = Load::to(address).patience(std::time::Duration::from_millis(200)).send(1).await;
        Ok((tally.failed() == 0).then_some(()).ok_or(tally.to_string()))
    })
    .await
    .unwrap();
}
