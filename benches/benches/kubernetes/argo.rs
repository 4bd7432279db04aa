//! The same canary by Argo Rollouts, on the same ground and in turn with Shepherd's. Only when it is asked for: its
//! controller is built by `benches/argo-rollouts.sh`, which `just bench-argo` calls first.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use kube::core::Request;
use kube::{Api, Client};
use serde_json::{Value, json};
use shepherd_benches::Spread;
use shepherd_kube::workload::PromoteBy;
use shepherd_testkit::cluster::{Cluster, Namespace};

use super::stages::{pods_alone, rollouts};
use super::{REPLICAS, Tried, begin, canary, ingress, rest, shop};

const SOON: Duration = Duration::from_millis(2);
/// For its first caches.
const STARTS: Duration = Duration::from_secs(5);
/// For its last writes.
const SETTLES: Duration = Duration::from_secs(2);

/// From the first write until all users are on the candidate, and until it is stable.
struct Times {
    full: Vec<Duration>,
    whole: Vec<Duration>,
}

pub(super) async fn measure_beside(cluster: &Arc<Cluster>) -> Tried<()> {
    println!(
        "a canary of five stages 10/25/50/75/100 by NGINX, {REPLICAS} replicas, no pauses, one after the other"
    );
    let _argo = Argo::start(cluster).await?;
    let empty = || Times { full: Vec::new(), whole: Vec::new() };
    let (mut pods, mut argo, mut copy, mut switch) = (Vec::new(), empty(), empty(), empty());
    for first in (0..rollouts()).map(|nth| nth == 0) {
        pods.push(pods_alone(cluster).await?);
        argo.add(by_argo(cluster, first).await?);
        copy.add(by_shepherd(cluster, PromoteBy::Copy).await?);
        switch.add(by_shepherd(cluster, PromoteBy::Switch).await?);
    }
    println!("  the pods of the five stages alone: {}", Spread::of(pods));
    argo.print("Argo Rollouts");
    copy.print("Shepherd, by copy");
    switch.print("Shepherd, by a switch");
    Ok(())
}

impl Times {
    fn add(&mut self, [full, whole]: [Duration; 2]) {
        self.full.push(full);
        self.whole.push(whole);
    }

    fn print(self, who: &str) {
        println!("  {who}, to 100% on the candidate: {}", Spread::of(self.full));
        println!("    to the end: {}", Spread::of(self.whole));
    }
}

async fn by_shepherd(cluster: &Arc<Cluster>, way: PromoteBy) -> Tried<[Duration; 2]> {
    let shop = shop(cluster).await?;
    let begun = Instant::now();
    let handle = begin(canary(&shop, Box::new(ingress(&shop)), Duration::ZERO, way)?).await?;
    at_full_weight(&shop, "web-candidate").await?;
    let full = begun.elapsed();
    handle.done().await?;
    Ok([full, begun.elapsed()])
}

/// `tells` its writes, too.
async fn by_argo(cluster: &Arc<Cluster>, tells: bool) -> Tried<[Duration; 2]> {
    let shop = cluster.namespace("argo").await?;
    for service in ["web", "web-candidate"] {
        shop.service(service, "web").await?;
    }
    shop.ingress("web", &format!("{}.example", shop.name()), "web", &[]).await?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Rollout"));
    let rollouts: Api<DynamicObject> = Api::namespaced_with(shop.client(), shop.name(), &kind);
    rollouts.create(&PostParams::default(), &serde_json::from_value(rollout())?).await?;
    shop.ready_pods("app=web", usize::try_from(REPLICAS)?).await?;
    while !is_done(&rollouts).await? {
        tokio::time::sleep(SOON).await;
    }
    rest(&shop).await?;
    let (from, begun) = (cluster.audit().mark()?, Instant::now());
    let image =
        json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "shop:v2"}]);
    let patch = Patch::Json::<()>(serde_json::from_value(image)?);
    rollouts.patch("web", &PatchParams::default(), &patch).await?;
    at_full_weight(&shop, "web-web-canary").await?;
    let full = begun.elapsed();
    while !is_done(&rollouts).await? {
        tokio::time::sleep(SOON).await;
    }
    let whole = begun.elapsed();
    if tells {
        tokio::time::sleep(SETTLES).await;
        let writes = cluster.audit().since(from)?.within(shop.name()).by_user("admin");
        // The first one asked for it.
        println!("  by Argo Rollouts: {} writes {:?}", writes.count() - 1, writes.per_resource());
    }
    Ok([full, whole])
}

async fn at_full_weight(shop: &Namespace, canary: &str) -> Tried<()> {
    let ingresses = shop.api::<Ingress>();
    loop {
        let annotations = ingresses.get_opt(canary).await?.and_then(|found| found.metadata.annotations);
        let weight = annotations.and_then(|mut all| all.remove("nginx.ingress.kubernetes.io/canary-weight"));
        if weight.is_some_and(|weight| weight == "100") {
            return Ok(());
        }
        tokio::time::sleep(SOON).await;
    }
}

/// Whether its status is that of the present spec, and says that it is through with it.
async fn is_done(rollouts: &Api<DynamicObject>) -> Tried<bool> {
    let rollout = rollouts.get("web").await?;
    let status = &rollout.data["status"];
    let generation = rollout.metadata.generation.unwrap_or_default().to_string();
    let current = status["observedGeneration"].as_str() == Some(&*generation);
    Ok(current && status["phase"] == "Healthy" && status["currentPodHash"] == status["stableRS"])
}

fn rollout() -> Value {
    let container =
        json!({"name": "app", "image": "shop:v1", "ports": [{"name": "http", "containerPort": 8080}]});
    let steps: Vec<_> =
        [10, 25, 50, 75, 100].into_iter().map(|weight| json!({"setWeight": weight})).collect();
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "web"},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
            "strategy": {"canary": {
                "stableService": "web", "canaryService": "web-candidate",
                "trafficRouting": {"nginx": {"stableIngress": "web"}},
                "steps": steps,
            }},
        },
    })
}

/// Its controller, until it is dropped.
struct Argo(Child);

impl Argo {
    async fn start(cluster: &Arc<Cluster>) -> Tried<Self> {
        let built = std::env::var_os("ARGO_ROLLOUTS").map(PathBuf::from);
        let built = built.ok_or("ARGO_ROLLOUTS does not say where benches/argo-rollouts.sh has built it")?;
        for definition in std::fs::read_dir(built.join("crds"))? {
            define(&cluster.client()?, std::fs::read(definition?.path())?).await?;
        }
        let mut command = Command::new(built.join("rollouts-controller"));
        command.arg("--kubeconfig").arg(cluster.kubeconfig()).arg("--leader-elect=false");
        // It would take the pods' port on all addresses.
        command.args(["--healthzPort", "18080", "--metricsport", "18090"]);
        let argo = Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        tokio::time::sleep(STARTS).await;
        Ok(argo)
    }
}

impl Drop for Argo {
    fn drop(&mut self) {
        // It is gone already, or goes with the namespace of processes that all of this runs in.
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

async fn define(client: &Client, yaml: Vec<u8>) -> Tried<()> {
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let mut request = Request::new(path).create(&PostParams::default(), yaml)?;
    request.headers_mut().insert("content-type", "application/yaml".parse()?);
    client.request::<Value>(request).await?;
    Ok(())
}
