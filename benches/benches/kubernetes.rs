//! What a rollout costs a real API server, and how soon an abort reaches it. Run by `just bench-kubernetes`.

#![allow(clippy::disallowed_methods, reason = "a real server lives in real time")]

#[path = "kubernetes/aborts.rs"]
mod aborts;
#[path = "kubernetes/blue_green.rs"]
mod blue_green;
#[path = "kubernetes/memory.rs"]
mod memory;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use kube::Client;
use shepherd_core::driver::{Handle, Rollout};
use shepherd_core::machine::Ending;
use shepherd_core::model::Revision;
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::TrafficRouter;
use shepherd_core::strategy::Canary;
use shepherd_kube::KubeEvents;
use shepherd_kube::router::IngressCanary;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::cluster::{Cluster, Namespace, Writes};

type Tried<T> = Result<T, Box<dyn Error>>;

const REPLICAS: i32 = 10;

fn main() -> Tried<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(many) = memory::asked_to_drive() {
            return memory::drive(many).await;
        }
        let cluster = Cluster::shared().await?;
        // A raise by a route is in effect when its controller says so.
        cluster.gateway().await?;
        println!("five stages 10/25/50/75/100, {REPLICAS} replicas, no pauses");
        for kept in [false, true] {
            writes_of_a_canary(&cluster, kept).await?;
        }
        blue_green::times(&cluster).await?;
        aborts::measure(&cluster).await?;
        memory::measure(&cluster).await
    })
}

/// Ten pods, and what both routers need.
async fn shop(cluster: &Arc<Cluster>) -> Tried<Namespace> {
    let shop = cluster.namespace("bench").await?;
    shop.deployment("web", "shop:v1", REPLICAS).await?;
    shop.ready_pods("app=web", usize::try_from(REPLICAS)?).await?;
    for service in ["web", "web-candidate"] {
        shop.service(service, service).await?;
    }
    let host = format!("{}.example", shop.name());
    shop.ingress("web", &host, "web", &[]).await?;
    shop.ingress("web-candidate", &host, "web-candidate", &[("canary", "true")]).await?;
    Ok(shop)
}

fn ingress(shop: &Namespace) -> IngressCanary {
    IngressCanary::new(shop.client(), shop.name(), "web").settle(Duration::ZERO)
}

async fn writes_of_a_canary(cluster: &Arc<Cluster>, kept: bool) -> Tried<()> {
    let shop = shop(cluster).await?;
    let from = cluster.audit().mark()?;
    let begun = Instant::now();
    let handle = begin(&shop, Box::new(ingress(&shop)), Duration::from_millis(1), kept).await?;
    let outcome = handle.done().await?;
    let took = begun.elapsed();
    logged().await;
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    let writes = cluster.audit().since(from)?.within(shop.name()).by_user("admin");
    let full = at_full_weight(&writes, begun).unwrap_or_default();
    let what = if kept { "with state, lease and events" } else { "routing and workload" };
    println!("  {what}: {} writes {:?}", writes.count(), writes.per_resource());
    println!("    to 100% on the candidate {full:.0?}, to the end {took:.0?}");
    Ok(())
}

/// How long it took until the last raise arrived: the last write but one of the canary Ingress, which the return of the
/// traffic to stable follows.
fn at_full_weight(writes: &Writes, begun: Instant) -> Option<Duration> {
    let routed: Vec<_> = writes.iter().filter(|write| write.resource == "ingresses").collect();
    let raise = routed.len().checked_sub(2).and_then(|place| routed.get(place))?;
    let since = SystemTime::now().checked_sub(begun.elapsed())?;
    raise.received.duration_since(since).ok()
}

async fn begin(
    shop: &Namespace,
    router: Box<dyn TrafficRouter>,
    interval: Duration,
    kept: bool,
) -> Tried<Handle> {
    let workload = DeploymentPair::new(shop.client(), shop.name(), "web").services("web", "web-candidate");
    let canary = Canary::weights([10, 25, 50, 75, 100])?.every(interval);
    let mut rollout = Rollout::of(format!("{}/web", shop.name()).parse()?)
        .strategy(canary.recovery(Recovery::default().drain(Duration::ZERO)))
        .attention(Attention::default())
        .through(Arc::<dyn TrafficRouter>::from(router))
        .on(workload);
    if kept {
        let client: Client = shop.client();
        rollout = rollout
            .stored_in(KubeStore::new(client.clone(), shop.name(), "bench"))
            .notify(KubeEvents::of(client, shop.name(), "web"));
    }
    Ok(rollout.build()?.start(Revision::new("shop:v2")?).await?)
}

/// A write is in the log a moment after its answer.
async fn logged() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}
