use shepherd_testkit::cluster::{Behaviour, Cluster, Load};

use crate::shop::Shop;
use crate::whole::{self, only, whole_rollouts};

const ROLE: &str = include_str!("../../kubernetes/roles/gateway-canary.yaml");

/// A service of four pods behind Envoy.
pub(crate) async fn shop() -> Shop {
    shop_of(ROLE).await
}

/// The same, whose program may do what this Role says.
pub(crate) async fn shop_of(role: &'static str) -> Shop {
    let cluster = Cluster::shared().await.unwrap();
    let gateway = cluster.gateway().await.unwrap();
    let shop = cluster.namespace("gateway").await.unwrap();
    shop.deployment("web", "shop:v1", 4).await.unwrap();
    shop.ready_pods("app=web", 4).await.unwrap();
    for name in ["web", "web-candidate"] {
        shop.service(name, name).await.unwrap();
    }
    let host = format!("{}.example", shop.name());
    shop.http_route("web", &host, &[("web", 1), ("web-candidate", 0)]).await.unwrap();
    let load = Load::to(gateway.address()).header("host", &host).unwrap();
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_gateway-canary"), role).await
}

/// One where somebody has left `shop:v2` with a tenth of the users.
pub(crate) async fn left_in_the_middle(drain: &str) -> Shop {
    let shop = shop().await;
    leave_in_the_middle(&shop, drain).await;
    shop
}

pub(crate) async fn leave_in_the_middle(shop: &Shop, drain: &str) {
    let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", drain]);
    program.until("10% to the candidate").await;
    program.kill().await;
}

/// What was left there is under way as ever, and ends here.
pub(crate) async fn is_still_in_the_middle(shop: &Shop) {
    let mut again = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
    again.until("going on with the rollout that was begun before").await;
    again.interrupt().await;
    let ended = again.end().await;
    ended.assert_code(1);
    assert!(ended.told.contains("shop:v2 was aborted: ") && !ended.told.contains("instead"), "{ended:#?}");
}

whole_rollouts!(shop(), killed_at whole::STAGES_OF_A_CANARY);

#[tokio::test]
async fn an_image_that_fails_requests_is_taken_back_by_a_guard() {
    let shop = shop().await;
    let users = shop.load.clone().unwrap().rate(200.0).start();
    let guard = ["--guard", "error_rate > 10% for 1s", "--weights", "25,100"];
    let mut program = shop.run(
        &[&["web", &Behaviour::Erroring.image("shop:v2"), "--interval", "30s", "--drain", "1s"], &guard[..]]
            .concat(),
    );
    program.until("25% to the candidate").await;
    let ended = program.end().await;
    ended.assert_code(1);
    assert!(ended.told.contains("error_rate > 10%"), "{ended:#?}");
    let tally = users.stop().await;
    assert!(tally.by(&Behaviour::Erroring.image("shop:v2")) > 0, "{tally}");
    only(&shop, "shop:v1").await;
}
