//! What many rollouts that bake cost the API server, with watches and without.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::client::{Body, ClientBuilder};
use kube::{Api, Client};
use serde_json::json;
use shepherd_core::driver::{Handle, Rollout};
use shepherd_core::machine::WaitingFor;
use shepherd_core::model::Revision;
use shepherd_core::plan::Attention;
use shepherd_core::ports::{Clock, SystemClock};
use shepherd_core::strategy::Canary;
use shepherd_kube::Watches;
use shepherd_kube::router::VirtualService;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};
use shepherd_testkit::cluster::{Cluster, CustomResources, Namespace};
use tower::util::MapRequestLayer;

const ROLLOUTS: usize = 30;
const BEAT: Duration = Duration::from_secs(1);

/// How often what was asked for: `GET deployments`, `WATCH pods`.
type Counts = Arc<Mutex<BTreeMap<String, usize>>>;

/// A client that counts what it asks for.
fn counting(cluster: &Cluster) -> (Client, Counts) {
    let counts = Counts::default();
    let counter = counts.clone();
    let layer = MapRequestLayer::new(move |request: Request<Body>| {
        let uri = request.uri();
        let watches = uri.query().unwrap_or_default().contains("watch=true");
        let method = if watches { "WATCH" } else { request.method().as_str() };
        // After the namespace.
        let kind = uri.path().split('/').skip_while(|part| *part != "namespaces").nth(2).unwrap_or_default();
        *counter.lock().unwrap().entry(format!("{method} {kind}")).or_default() += 1;
        request
    });
    (ClientBuilder::try_from(cluster.config()).unwrap().with_layer(&layer).build(), counts)
}

fn names() -> impl Iterator<Item = String> {
    (0..ROLLOUTS).map(|nth| format!("web-{nth}"))
}

/// A service of one pod for each of them.
async fn services() -> Namespace {
    let cluster = Cluster::shared().await.unwrap();
    cluster.install(CustomResources::Istio).await.unwrap();
    let shop = cluster.namespace("many").await.unwrap();
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1", "VirtualService");
    let kind = ApiResource::from_gvk(&kind);
    let routes: Api<DynamicObject> = Api::namespaced_with(shop.client(), shop.name(), &kind);
    for name in names() {
        shop.deployment(&name, "shop:v1", 1).await.unwrap();
        let candidate = format!("{name}-candidate");
        for service in [&name, &candidate] {
            shop.service(service, service).await.unwrap();
        }
        let route = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name},
            "spec": {"hosts": [format!("{name}.example")], "http": [{"route": [{"destination": {"host": name}}]}]},
        });
        routes.create(&PostParams::default(), &serde_json::from_value(route).unwrap()).await.unwrap();
    }
    for name in names() {
        shop.ready_pods(&format!("app={name}"), 1).await.unwrap();
    }
    shop
}

async fn begun(
    shop: &Namespace,
    client: &Client,
    name: &str,
    way: PromoteBy,
    watches: Option<&Watches>,
) -> Handle {
    let candidate = format!("{name}-candidate");
    let router = VirtualService::http(client.clone(), shop.name(), name).services(name, &candidate);
    let pair = DeploymentPair::new(client.clone(), shop.name(), name).services(name, candidate);
    let pair = pair.promote_by(way);
    let (router, pair) = match watches {
        Some(watches) => (router.watching(watches), pair.watching(watches)),
        None => (router, pair),
    };
    Rollout::of(format!("{}/{name}", shop.name()).parse().unwrap())
        .strategy(Canary::weights([10, 100]).unwrap().every(Duration::from_mins(30)))
        .attention(Attention::default().every(BEAT))
        .through(router)
        .on(pair)
        .build()
        .unwrap()
        .start(Revision::new("shop:v2").unwrap())
        .await
        .unwrap()
}

/// How many requests all of them make in a beat while they bake.
async fn requests(by_watches: bool) -> f64 {
    let shop = services().await;
    let (client, counts) = counting(shop.cluster());
    let watches = by_watches.then(|| Watches::new(client.clone()));
    let mut handles = Vec::new();
    // Every other one promotes by a switch, and looks at its Services too.
    for (name, way) in names().zip([PromoteBy::Copy, PromoteBy::Switch].into_iter().cycle()) {
        handles.push(begun(&shop, &client, &name, way, watches.as_ref()).await);
    }
    shop.eventually("all of them baking", async || {
        let baking = |handle: &&Handle| matches!(handle.status().waiting.on, WaitingFor::Bake { .. });
        let count = handles.iter().filter(baking).count();
        Ok((count == ROLLOUTS).then_some(()).ok_or(format!("{count} bake")))
    })
    .await
    .unwrap();
    let clock = SystemClock::new();
    let beats = 20;
    // Until every watch has told of something after the last change.
    clock.sleep(if by_watches { Duration::from_secs(16) } else { BEAT }).await;
    counts.lock().unwrap().clear();
    clock.sleep(BEAT * beats).await;
    let made = counts.lock().unwrap().clone();
    println!("{ROLLOUTS} rollouts, {beats} beats, by watches: {by_watches}: {made:?}");
    for handle in handles {
        handle.detach().await;
    }
    f64::from(u32::try_from(made.values().sum::<usize>()).unwrap()) / f64::from(beats)
}

#[tokio::test]
async fn many_rollouts_that_bake_cost_a_few_requests() {
    let (directly, watched) = (requests(false).await, requests(true).await);
    println!("{ROLLOUTS} rollouts, a beat: {directly:.1} requests directly, {watched:.1} by watches");
    // A machine that is busy makes fewer looks in a beat.
    assert!(watched * 5.0 < directly, "{directly} and {watched}");
}
