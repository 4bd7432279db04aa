use k8s_openapi::api::networking::v1::Ingress;
use kube::api::DeleteParams;
use shepherd_testkit::cluster::{Cluster, Load};

use crate::shop::Shop;
use crate::whole::{self, whole_rollouts};

const ROLE: &str = include_str!("../../kubernetes/roles/nginx-canary.yaml");

/// A service of four pods behind NGINX, without a canary Ingress.
async fn shop() -> Shop {
    shop_of(ROLE).await
}

/// The same, whose program may do what this Role says.
pub(crate) async fn shop_of(role: &'static str) -> Shop {
    let cluster = Cluster::shared().await.unwrap();
    let nginx = cluster.nginx().await.unwrap();
    let shop = cluster.namespace("nginx").await.unwrap();
    shop.deployment("web", "shop:v1", 4).await.unwrap();
    shop.ready_pods("app=web", 4).await.unwrap();
    for name in ["web", "web-candidate"] {
        shop.service(name, name).await.unwrap();
    }
    let host = format!("{}.example", shop.name());
    shop.ingress("web", &host, "web", &[]).await.unwrap();
    let load = Load::to(nginx.address()).header("host", &host).unwrap();
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_nginx-canary"), role).await
}

whole_rollouts!(shop(), killed_at whole::STAGES_OF_A_CANARY);

#[tokio::test]
async fn whose_canary_ingress_is_deleted_is_told_how_to_take_it_back() {
    let shop = shop().await;
    let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
    program.until("10% to the candidate").await;
    let ingresses = shop.namespace.api::<Ingress>();
    ingresses.delete("web-candidate", &DeleteParams::default()).await.unwrap();
    program.until("resume to put it back").await;
    program.until("it stays paused: Ctrl-C takes the candidate back").await;
    program.interrupt().await;
    program.end().await.assert_code(1);
    whole::only(&shop, "shop:v1").await;
    shop.roll_out("shop:v2", &[]).end().await.assert_code(0);
}
