//! A canary in five stages of the Deployment `web`, by any router.

use std::time::Duration;

use shepherd_core::driver::{Handle, Rollout};
use shepherd_core::model::Revision;
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::TrafficRouter;
use shepherd_core::strategy::Canary;
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::cluster::Namespace;

pub(crate) async fn begin(
    shop: &Namespace,
    router: impl TrafficRouter + 'static,
    image: &str,
    interval: Duration,
) -> Handle {
    let workload = DeploymentPair::new(shop.client(), shop.name(), "web").services("web", "web-candidate");
    let canary = Canary::weights([10, 25, 50, 75, 100]).unwrap().every(interval);
    Rollout::of(format!("{}/web", shop.name()).parse().unwrap())
        .strategy(canary.recovery(Recovery::default().drain(Duration::from_secs(1))))
        .attention(Attention::default().every(Duration::from_millis(200)))
        .through(router)
        .on(workload)
        .build()
        .unwrap()
        .start(Revision::new(image).unwrap())
        .await
        .unwrap()
}

/// Four pods of `shop:v1`, and the Services of both tracks.
pub(crate) async fn shop(begins: &str) -> Namespace {
    let cluster = shepherd_testkit::cluster::Cluster::shared().await.unwrap();
    let shop = cluster.namespace(begins).await.unwrap();
    shop.deployment("web", "shop:v1", 4).await.unwrap();
    shop.ready_pods("app=web", 4).await.unwrap();
    shop.service("web", "web").await.unwrap();
    shop.service("web-candidate", "web-candidate").await.unwrap();
    shop
}
