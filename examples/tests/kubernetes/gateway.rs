use shepherd_testkit::cluster::{Cluster, Load};

use crate::shop::Shop;
use crate::whole::whole_rollouts;

const ROLE: &str = include_str!("../../kubernetes/roles/gateway-canary.yaml");

/// A service of four pods behind Envoy.
pub(crate) async fn shop() -> Shop {
    let cluster = Cluster::shared().await.unwrap();
    let gateway = cluster.gateway().await.unwrap();
    let shop = cluster.namespace("gateway").await.unwrap();
    shop.deployment("web", "shop:v1", 4).await.unwrap();
    shop.ready_pods("app=web", 4).await.unwrap();
    for name in ["web", "web-candidate"] {
        shop.service(name, name).await.unwrap();
    }
    let host = format!("{}.example", shop.name());
    shop.http_route("web", &host, &[("web", 1)]).await.unwrap();
    let load = Load::to(gateway.address()).header("host", &host).unwrap();
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_gateway-canary"), ROLE).await
}

whole_rollouts!(shop(), killed_at "25% to the candidate");
