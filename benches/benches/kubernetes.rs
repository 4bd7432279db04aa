//! What a rollout costs a real API server, and how soon an abort reaches it. Run by `just bench-kubernetes`, or one part of
//! it by its name: `just bench-kubernetes stages`.

#![allow(clippy::disallowed_methods, reason = "a real server lives in real time")]

#[path = "kubernetes/aborts.rs"]
mod aborts;
#[path = "kubernetes/argo.rs"]
mod argo;
#[path = "kubernetes/blue_green.rs"]
mod blue_green;
#[path = "kubernetes/memory.rs"]
mod memory;
#[path = "kubernetes/stages.rs"]
mod stages;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use shepherd_core::driver::{Handle, Rollout, RolloutBuilder};
use shepherd_core::model::Revision;
use shepherd_core::plan::Recovery;
use shepherd_core::ports::TrafficRouter;
use shepherd_core::strategy::Canary;
use shepherd_kube::router::IngressCanary;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};
use shepherd_testkit::cluster::{Cluster, Namespace};

type Tried<T> = Result<T, Box<dyn Error>>;

const REPLICAS: i32 = 10;

fn main() -> Tried<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(many) = memory::asked_to_drive() {
            return memory::drive(many).await;
        }
        let parts = asked_for()?;
        let cluster = Cluster::shared().await?;
        // A raise by a route is in effect when its controller says so.
        cluster.gateway().await?;
        for part in parts {
            match part.as_str() {
                "stages" => stages::measure(&cluster).await?,
                "blue_green" => blue_green::times(&cluster).await?,
                "aborts" => aborts::measure(&cluster).await?,
                "memory" => memory::measure(&cluster).await?,
                _ => argo::measure_beside(&cluster).await?,
            }
        }
        Ok(())
    })
}

/// All but that which takes another's controller.
const PARTS: [&str; 4] = ["stages", "blue_green", "aborts", "memory"];
const BESIDE: &str = "argo";

/// The parts that are named, or else all of them.
fn asked_for() -> Tried<Vec<String>> {
    let named: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    match named.iter().find(|word| !PARTS.contains(&word.as_str()) && *word != BESIDE) {
        Some(unknown) => {
            Err(format!("there is no part {unknown}, but {} and {BESIDE}", PARTS.join(", ")).into())
        }
        None if named.is_empty() => Ok(PARTS.map(str::to_owned).into()),
        None => Ok(named),
    }
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
    rest(&shop).await?;
    Ok(shop)
}

/// Rollouts begin with what nobody has touched for a while. What was written just now a list waits for, until the
/// server's cache of that kind has heard of it.
async fn rest(shop: &Namespace) -> Tried<()> {
    let all = ListParams::default();
    shop.api::<ReplicaSet>().list(&all).await?;
    shop.api::<EndpointSlice>().list(&all).await?;
    Ok(())
}

fn ingress(shop: &Namespace) -> IngressCanary {
    IngressCanary::new(shop.client(), shop.name(), "web").settle(Duration::ZERO)
}

/// A canary of five stages, each watched for so long.
fn canary(
    shop: &Namespace,
    router: Box<dyn TrafficRouter>,
    interval: Duration,
    way: PromoteBy,
) -> Tried<RolloutBuilder> {
    let workload = DeploymentPair::new(shop.client(), shop.name(), "web").services("web", "web-candidate");
    let canary = Canary::weights([10, 25, 50, 75, 100])?.every(interval);
    Ok(Rollout::of(format!("{}/web", shop.name()).parse()?)
        .strategy(canary.recovery(Recovery::default().drain(Duration::ZERO)))
        .through(Arc::<dyn TrafficRouter>::from(router))
        .on(workload.promote_by(way)))
}

async fn begin(rollout: RolloutBuilder) -> Tried<Handle> {
    Ok(rollout.build()?.start(Revision::new("shop:v2")?).await?)
}

/// Returns when all users are with the candidate.
async fn at_full_weight(handle: &Handle) -> Tried<()> {
    let mut watch = handle.watch();
    while !(handle.status().in_effect && handle.status().exposure.is_full()) {
        watch.next().await.ok_or("it ended before all users were with the candidate")?;
    }
    Ok(())
}

/// A write is in the log a moment after its answer.
async fn logged() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}
