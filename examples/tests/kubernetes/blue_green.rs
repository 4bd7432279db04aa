use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use serde_json::json;
use shepherd_testkit::cluster::{Cluster, Load};

use crate::shop::Shop;
use crate::whole::whole_rollouts;

const ROLE: &str = include_str!("../../kubernetes/roles/blue-green.yaml");

/// A service of three blue pods; green has never been there.
async fn shop() -> Shop {
    let shop = Cluster::shared().await.unwrap().namespace("blue-green").await.unwrap();
    let labels = json!({"app": "web", "color": "blue"});
    let container = json!({"name": "app", "image": "shop:v1", "ports": [{"containerPort": 8080}]});
    let deployment = json!({"metadata": {"name": "web-blue"}, "spec": {
        "replicas": 3,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }});
    let service = json!({"metadata": {"name": "web"}, "spec": {
        "selector": labels, "ports": [{"port": 80, "targetPort": 8080}],
    }});
    shop.create_object::<Deployment>(deployment).await.unwrap();
    shop.ready_pods("color=blue", 3).await.unwrap();
    let service = shop.create_object::<Service>(service).await.unwrap();
    let address = format!("{}:80", service.spec.unwrap().cluster_ip.unwrap());
    let load = Load::to(address.parse().unwrap());
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_blue-green"), ROLE).await
}

whole_rollouts!(shop(), killed_at ["scale-candidate-3 begins", "switch begins", "bake-100% begins", "retire-stable begins"]);
