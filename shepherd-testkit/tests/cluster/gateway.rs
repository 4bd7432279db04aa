use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::json;
use shepherd_testkit::cluster::{Cluster, Connections, CustomResources, Load, Namespace};

async fn shop() -> Namespace {
    let shop = Cluster::shared().await.unwrap().namespace("gateway").await.unwrap();
    for (name, image) in [("stable", "shop:v1"), ("canary", "shop:v2")] {
        shop.deployment(name, image, 2).await.unwrap();
        shop.ready_pods(&format!("app={name}"), 2).await.unwrap();
        shop.service(name, name).await.unwrap();
    }
    shop
}

#[tokio::test]
async fn weights_of_a_route_are_what_users_get_on_every_connection() {
    let cluster = Cluster::shared().await.unwrap();
    let begun = std::time::Instant::now();
    let gateway = cluster.gateway().await.unwrap();
    println!("the gateway was ready after {:?}", begun.elapsed());
    let shop = shop().await;
    let host = format!("{}.example", shop.name());
    shop.http_route("web", &host, &[("stable", 90), ("canary", 10)]).await.unwrap();
    let load = Load::to(gateway.address()).header("host", &host).unwrap();
    shop.eventually("the route to be served", async || {
        let tally = load.clone().send(1).await;
        Ok((tally.with_status(200) == 1).then_some(()).ok_or(tally.to_string()))
    })
    .await
    .unwrap();

    for connections in [Connections::Fresh, Connections::Kept] {
        let tally = load.clone().connections(connections).send(400).await;
        assert!(tally.failed() == 0 && (15..=75).contains(&tally.by("shop:v2")), "{connections:?}: {tally}");
    }

    let kept = load.clone().connections(Connections::Kept).rate(200.0).start();
    let weights = json!([
        { "op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 0 },
        { "op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 100 }
    ]);
    let patch = Patch::<()>::Json(serde_json::from_value(weights).unwrap());
    shop.http_routes().patch("web", &PatchParams::default(), &patch).await.unwrap();
    let before = kept.so_far();
    shop.eventually("all users to be with the canary", async || {
        let tally = kept.so_far();
        Ok((tally.by("shop:v2") > before.by("shop:v2") + 100).then_some(()).ok_or(tally.to_string()))
    })
    .await
    .unwrap();
    let tally = kept.stop().await;
    println!("{tally}");
    assert_eq!(tally.sent_again(), 0, "{tally}");
    assert!(tally.failed() == 0 && tally.last_by("shop:v1") < tally.last_by("shop:v2"), "{tally}");
}

#[tokio::test]
async fn definitions_are_served_once_they_are_installed() {
    let cluster = Cluster::shared().await.unwrap();
    let begun = std::time::Instant::now();
    cluster.install(CustomResources::Istio).await.unwrap();
    println!("the definitions of Istio were served after {:?}", begun.elapsed());
    let shop = cluster.namespace("istio").await.unwrap();
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1", "VirtualService");
    let kind = ApiResource::from_gvk(&kind);
    let service: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": { "name": "web" },
        "spec": { "hosts": ["web"], "http": [{ "route": [
            { "destination": { "host": "web", "subset": "stable" }, "weight": 90 },
            { "destination": { "host": "web", "subset": "canary" }, "weight": 10 }
        ]}]}
    }))
    .unwrap();
    let services = Api::<DynamicObject>::namespaced_with(shop.client(), shop.name(), &kind);
    services.create(&PostParams::default(), &service).await.unwrap();
}
