use shepherd_testkit::cluster::{Cluster, Load};

use crate::shop::Shop;
use crate::whole::whole_rollouts;

const ROLE: &str = include_str!("../../kubernetes/roles/blue-green.yaml");

/// A service of three blue pods; green has never been there.
async fn shop() -> Shop {
    let shop = Cluster::shared().await.unwrap().namespace("blue-green").await.unwrap();
    let blue = [("app", "web"), ("color", "blue")];
    shop.deployment_labelled("web-blue", &blue, "shop:v1", 3).await.unwrap();
    shop.ready_pods("color=blue", 3).await.unwrap();
    let load = Load::to(shop.service_selecting("web", &blue).await.unwrap());
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_blue-green"), ROLE).await
}

whole_rollouts!(shop(), killed_at ["scale-candidate-3 begins", "switch begins", "bake-100% begins", "retire-stable begins"]);

#[tokio::test]
async fn the_sides_may_have_other_names() {
    let shop = shop().await;
    let plan = shop.run(&["web", "shop:v2", "--dry-run", "--deployments", "web-blue,other"]).end().await;
    plan.assert_code(0);
    let unknown = shop.run(&["web", "shop:v2", "--deployments", "other,green"]).end().await;
    assert!(unknown.code == Some(2) && unknown.errors.contains("/other"), "{unknown:#?}");
}
