//! What a canary of five stages by NGINX costs: its writes, and its time by each way of promotion, beside the time that
//! the pods of its stages take when somebody only scales a Deployment.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use shepherd_benches::{Spread, is_test};
use shepherd_core::machine::Ending;
use shepherd_kube::KubeEvents;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::PromoteBy;
use shepherd_testkit::cluster::{Cluster, Namespace};

use super::{REPLICAS, Tried, at_full_weight, begin, canary, ingress, logged, rest, shop};

const ROLLOUTS: usize = 10;

/// How many pods of the candidate each stage needs.
const WAVES: [usize; 5] = [1, 3, 5, 8, 10];

/// Between two looks of who waits for something here.
const SOON: Duration = Duration::from_millis(2);

pub(super) async fn measure(cluster: &Arc<Cluster>) -> Tried<()> {
    println!("a canary of five stages 10/25/50/75/100 by NGINX, {REPLICAS} replicas, no pauses");
    let mut waves = Vec::new();
    for _ in 0..rollouts() {
        waves.push(pods_alone(cluster).await?);
    }
    println!("  the pods of the five stages alone: {}", Spread::of(waves));
    rollouts_of(cluster, "by copy", PromoteBy::Copy, false).await?;
    rollouts_of(cluster, "by copy, with state, lease and events", PromoteBy::Copy, true).await?;
    rollouts_of(cluster, "by a switch", PromoteBy::Switch, false).await?;
    rollouts_of(cluster, "by its owner, who ships at once", PromoteBy::External, false).await
}

pub(super) fn rollouts() -> usize {
    if is_test() { 1 } else { ROLLOUTS }
}

/// From the first write until the Service has the last pod, each wave as soon as the one before it is there.
pub(super) async fn pods_alone(cluster: &Arc<Cluster>) -> Tried<Duration> {
    let shop = shop(cluster).await?;
    shop.deployment("web-candidate", "shop:v2", 0).await?;
    rest(&shop).await?;
    let deployments = shop.api::<Deployment>();
    let begun = Instant::now();
    for pods in WAVES {
        let scaled = json!({"spec": {"replicas": pods}});
        deployments.patch("web-candidate", &PatchParams::default(), &Patch::Merge(scaled)).await?;
        while ready_endpoints(&shop).await? < pods {
            tokio::time::sleep(SOON).await;
        }
    }
    Ok(begun.elapsed())
}

async fn ready_endpoints(shop: &Namespace) -> Tried<usize> {
    let of_candidate = ListParams::default().labels("kubernetes.io/service-name=web-candidate").match_any();
    let slices = shop.api::<EndpointSlice>().list(&of_candidate).await?;
    let endpoints = slices.items.into_iter().flat_map(|slice| slice.endpoints.unwrap_or_default());
    Ok(endpoints
        .filter(|endpoint| endpoint.conditions.as_ref().and_then(|is| is.ready) == Some(true))
        .count())
}

async fn rollouts_of(cluster: &Arc<Cluster>, what: &str, way: PromoteBy, kept: bool) -> Tried<()> {
    let (mut full, mut whole) = (Vec::new(), Vec::new());
    for first in (0..rollouts()).map(|nth| nth == 0) {
        let shop = shop(cluster).await?;
        let from = cluster.audit().mark()?;
        let begun = Instant::now();
        let mut rollout = canary(&shop, Box::new(ingress(&shop)), Duration::ZERO, way)?;
        if kept {
            rollout = rollout
                .stored_in(KubeStore::new(shop.client(), shop.name(), "bench"))
                .notify(KubeEvents::of(shop.client(), shop.name(), "web"));
        }
        let handle = begin(rollout).await?;
        at_full_weight(&handle).await?;
        full.push(begun.elapsed());
        if way == PromoteBy::External {
            ship(&shop).await?;
        }
        let outcome = handle.done().await?;
        whole.push(begun.elapsed());
        assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
        if first {
            logged().await;
            let writes = cluster.audit().since(from)?.within(shop.name()).by_user("admin");
            let owners = usize::from(way == PromoteBy::External);
            println!("  {what}: {} writes {:?}", writes.count() - owners, writes.per_resource());
        }
    }
    println!("    to 100% on the candidate: {}", Spread::of(full));
    println!("    to the end: {}", Spread::of(whole));
    Ok(())
}

/// What stable's owner does as soon as he is asked to.
async fn ship(shop: &Namespace) -> Tried<()> {
    let deployments = shop.api::<Deployment>();
    while !deployments.get("web").await?.annotations().contains_key("shepherd.rs/wanted") {
        tokio::time::sleep(SOON).await;
    }
    let container = json!({"name": "app", "image": "shop:v2"});
    let shipped = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    deployments.patch("web", &PatchParams::default(), &Patch::Strategic(shipped)).await?;
    Ok(())
}
