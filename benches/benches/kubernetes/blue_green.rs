//! How long a blue/green rollout takes: until all users are with the candidate, and until it is promoted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shepherd_benches::{Spread, is_test};
use shepherd_core::driver::{Handle, Rollout};
use shepherd_core::machine::Ending;
use shepherd_core::model::Revision;
use shepherd_core::plan::Recovery;
use shepherd_core::strategy::BlueGreen;
use shepherd_kube::blue_green::BlueGreenService;
use shepherd_testkit::cluster::{Cluster, Namespace};

use super::{REPLICAS, Tried, at_full_weight};

const ROLLOUTS: usize = 10;

pub(super) async fn times(cluster: &Arc<Cluster>) -> Tried<()> {
    println!("\nblue/green, {REPLICAS} replicas on each side, no grace period and no pauses");
    let (mut full, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..if is_test() { 1 } else { ROLLOUTS } {
        let shop = shop(cluster).await?;
        let begun = Instant::now();
        let handle = begin(&shop, Duration::from_millis(1)).await?;
        at_full_weight(&handle).await?;
        full.push(begun.elapsed());
        let outcome = handle.outcome().await?;
        whole.push(begun.elapsed());
        assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    }
    println!("  to all users on the candidate: {}", Spread::of(full));
    println!("  to the end, the old side ended: {}", Spread::of(whole));
    Ok(())
}

/// Ten pods of blue behind a Service; green has none yet.
pub(super) async fn shop(cluster: &Arc<Cluster>) -> Tried<Namespace> {
    let shop = cluster.namespace("bench").await?;
    for (color, replicas) in [("blue", REPLICAS), ("green", 0)] {
        let labels = [("app", "web"), ("color", color)];
        shop.deployment_labelled(&format!("web-{color}"), &labels, "shop:v1", replicas).await?;
    }
    shop.service_selecting("web", &[("app", "web"), ("color", "blue")]).await?;
    shop.ready_pods("app=web", usize::try_from(REPLICAS)?).await?;
    Ok(shop)
}

pub(super) async fn begin(shop: &Namespace, grace: Duration) -> Tried<Handle> {
    let web = BlueGreenService::new(shop.client(), shop.name(), "web");
    let strategy = BlueGreen::new().grace(grace).recovery(Recovery::default().drain(Duration::ZERO));
    let rollout = Rollout::of(format!("{}/web", shop.name()).parse()?)
        .strategy(strategy)
        .through(web.router().settling(Duration::ZERO))
        .on(web.workload())
        .build()?;
    Ok(rollout.start(Revision::new("shop:v2")?).await?)
}
