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
        let cluster = Cluster::shared().await?;
        // A raise by a route is in effect when its controller says so.
        cluster.gateway().await?;
        if is_asked_for("stages") {
            stages::measure(&cluster).await?;
        }
        if is_asked_for("blue_green") {
            blue_green::times(&cluster).await?;
        }
        if is_asked_for("aborts") {
            aborts::measure(&cluster).await?;
        }
        if is_asked_for("memory") {
            memory::measure(&cluster).await?;
        }
        if std::env::args().any(|word| word == "argo") {
            argo::measure_beside(&cluster).await?;
        }
        Ok(())
    })
}

/// Whether a part is named, or none is.
fn is_asked_for(part: &str) -> bool {
    let mut named = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    named.peek().is_none() || named.any(|word| word == part)
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
