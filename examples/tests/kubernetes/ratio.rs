use shepherd_testkit::cluster::{Cluster, Load};

use crate::shop::Shop;
use crate::whole::whole_rollouts;

const ROLE: &str = include_str!("../../kubernetes/roles/ratio-canary.yaml");

/// A service of four pods behind kube-proxy.
async fn shop() -> Shop {
    let shop = Cluster::shared().await.unwrap().namespace("ratio").await.unwrap();
    shop.deployment("web", "shop:v1", 4).await.unwrap();
    shop.ready_pods("app=web", 4).await.unwrap();
    let load = Load::to(shop.service("web", "web").await.unwrap());
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_ratio-canary"), ROLE).await
}

whole_rollouts!(shop(), killed_at [
    "scale-candidate-1 begins",
    "scale-stable-3 begins",
    "bake-2 begins",
    "scale-stable-0 begins",
    "promote begins",
    "retire-candidate begins",
]);
