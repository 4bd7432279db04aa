use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::json;
use shepherd_testkit::cluster::{Cluster, CustomResources, Namespace};

use crate::shop::Shop;

const ROLE: &str = include_str!("../../kubernetes/roles/istio-canary.yaml");

fn virtual_services(shop: &Namespace) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1", "VirtualService");
    Api::namespaced_with(shop.client(), shop.name(), &ApiResource::from_gvk(&kind))
}

/// A service with a `VirtualService` that an API server keeps and nobody heeds.
async fn shop() -> Shop {
    let cluster = Cluster::shared().await.unwrap();
    cluster.install(CustomResources::Istio).await.unwrap();
    let shop = cluster.namespace("istio").await.unwrap();
    shop.deployment("web", "shop:v1", 2).await.unwrap();
    shop.ready_pods("app=web", 2).await.unwrap();
    for name in ["web", "web-candidate"] {
        shop.service(name, name).await.unwrap();
    }
    let routes = json!([{"route": [{"destination": {"host": "web"}}]}]);
    let object = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
        "spec": {"hosts": ["web"], "http": routes},
    });
    let object = serde_json::from_value(object).unwrap();
    virtual_services(&shop).create(&PostParams::default(), &object).await.unwrap();
    Shop::open(shop, None, env!("CARGO_BIN_EXE_istio-canary"), ROLE).await
}

#[tokio::test]
async fn a_good_image_is_promoted_and_all_weight_is_back_on_stable() {
    let shop = shop().await;
    let mut program = shop.roll_out("shop:v2", &["--weights", "30,100"]);
    program.until("30% to the candidate").await;
    let routes =
        async || virtual_services(&shop.namespace).get("web").await.unwrap().data["spec"]["http"].clone();
    assert_eq!(routes().await[0]["route"][1]["destination"]["host"], "web-candidate");
    let ended = program.end().await;
    ended.assert_code(0);
    let routes = routes().await;
    assert_eq!(
        (&routes[0]["route"][0]["weight"], &routes[0]["route"][1]["weight"]),
        (&100.into(), &0.into())
    );
}

#[tokio::test]
async fn a_version_of_the_api_that_is_not_there_is_to_be_corrected() {
    let shop = shop().await;
    let ended = shop.run(&["web", "shop:v2", "--api-version", "v9"]).end().await;
    ended.assert_line(2, "or correct the API version that it was asked for in");
}
