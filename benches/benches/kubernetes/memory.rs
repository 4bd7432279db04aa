//! What many paused rollouts in one process cost: memory of that process, and requests to the API server. The process is
//! this program again, since this one plays the pods as well.

use std::io::{BufRead, BufReader, Read};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::networking::v1::Ingress;
use kube::Client;
use kube::api::ListParams;
use serde_json::json;
use shepherd_benches::is_test;
use shepherd_core::driver::{Fleet, Handle, Rollout};
use shepherd_core::model::{Actor, Revision};
use shepherd_core::strategy::Canary;
use shepherd_kube::Watches;
use shepherd_kube::router::IngressCanary;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::cluster::{Cluster, Namespace};

use super::Tried;

const ROLLOUTS: usize = 1000;
const CALLS: NonZeroUsize = NonZeroUsize::new(64).unwrap();

/// So many pods become ready at a time.
const BATCH: usize = 50;

/// Where the process shall drive rollouts, and how many.
const NAMESPACE: &str = "SHEPHERD_BENCH_NAMESPACE";
const COUNT: &str = "SHEPHERD_BENCH_ROLLOUTS";

pub(super) struct Many {
    namespace: String,
    count: usize,
}

/// What this process was started for, when it is the one that is measured.
pub(super) fn asked_to_drive() -> Option<Many> {
    let count = std::env::var(COUNT).ok()?.parse().ok()?;
    Some(Many { namespace: std::env::var(NAMESPACE).ok()?, count })
}

/// Brings all of them to 10%, pauses them there, and waits until its input ends.
pub(super) async fn drive(many: Many) -> Tried<()> {
    let client = Client::try_default().await?;
    client.apiserver_version().await?;
    let before = resident()?;
    let store = KubeStore::new(client.clone(), &many.namespace, "bench");
    let (fleet, watches) = (Fleet::new(CALLS), Watches::new(client.clone()));
    let mut handles = Vec::new();
    for index in 0..many.count {
        let rollout = rollout(&client, &watches, &many.namespace, index, &store)?;
        handles.push(fleet.start(&rollout, Revision::new("shop:v2")?).await?);
    }
    for handle in &handles {
        paused(handle).await?;
    }
    println!("paused {before} {}", resident()?);
    std::io::stdin().read_to_string(&mut String::new())?;
    println!("later {}", resident()?);
    Ok(())
}

fn rollout(
    client: &Client,
    watches: &Watches,
    namespace: &str,
    index: usize,
    store: &KubeStore,
) -> Tried<Rollout> {
    let name = format!("web-{index}");
    let router = IngressCanary::new(client.clone(), namespace, &name).settle(Duration::ZERO).made_from_main();
    let workload = DeploymentPair::new(client.clone(), namespace, &name);
    let rollout = Rollout::of(format!("{namespace}/{name}").parse()?)
        .strategy(Canary::default())
        .stored_in(store.clone())
        .through(router.watching(watches))
        .on(workload.watching(watches));
    Ok(rollout.build()?)
}

async fn paused(handle: &Handle) -> Tried<()> {
    let mut watch = handle.watch();
    while !handle.status().in_effect || handle.status().exposure.is_off() {
        watch.next().await.ok_or("it ended before it had users")?;
    }
    Ok(handle.pause(Actor::new("bench")?, "measured").await?)
}

pub(super) async fn measure(cluster: &Arc<Cluster>) -> Tried<()> {
    let count = if is_test() { 5 } else { ROLLOUTS };
    let shop = cluster.namespace("bench").await?;
    for begin in (0..count).step_by(BATCH) {
        stable(&shop, begin..count.min(begin + BATCH)).await?;
    }
    let idle = rate(&shop).await?;
    let mut child = start(&shop, count)?;
    let mut said = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut next = || -> Tried<Vec<u64>> {
        let mut line = String::new();
        said.read_line(&mut line)?;
        Ok(line.split_whitespace().skip(1).map(str::parse).collect::<Result<_, _>>()?)
    };
    let [before, after] = next()?[..] else { return Err("the process that drives has ended".into()) };
    let driven = rate(&shop).await?;
    drop(child.stdin.take());
    let [later] = next()?[..] else { return Err("the process that drives has ended".into()) };
    child.wait()?;
    let mb = |bytes: u64| bytes / 1_000_000;
    println!("\n{count} rollouts of one process, paused at 10%, kept in ConfigMaps");
    println!(
        "  resident memory: {} MB before, {} MB when all are paused, {} MB later: {} KB each",
        mb(before),
        mb(after),
        mb(later),
        after.max(later).saturating_sub(before) / 1000 / count as u64
    );
    println!("  requests to the API server: {driven:.0} a second, and {idle:.0} before");
    Ok(())
}

fn start(shop: &Namespace, count: usize) -> Tried<Child> {
    Ok(Command::new(std::env::current_exe()?)
        .env(NAMESPACE, shop.name())
        .env(COUNT, count.to_string())
        .env("KUBECONFIG", shop.cluster().kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?)
}

/// A pod and an Ingress for each.
async fn stable(shop: &Namespace, these: std::ops::Range<usize>) -> Tried<()> {
    let names: Vec<_> = these.map(|index| format!("web-{index}")).collect();
    for name in &names {
        shop.deployment(name, "shop:v1", 1).await?;
        let backend = json!({"service": {"name": name, "port": {"number": 80}}});
        let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
        let ingress = json!({
            "metadata": {"name": name},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": name, "http": {"paths": [path]}}]},
        });
        shop.create_object::<Ingress>(ingress).await?;
    }
    shop.ready_pods(&format!("app in ({})", names.join(",")), names.len()).await?;
    Ok(())
}

/// How many requests a second the API server answers, by its own count.
async fn rate(shop: &Namespace) -> Tried<f64> {
    let (from, begun) = (answered(shop).await?, Instant::now());
    tokio::time::sleep(Duration::from_secs(if is_test() { 1 } else { 30 })).await;
    let more = answered(shop).await? - from;
    Ok(more / begun.elapsed().as_secs_f64())
}

async fn answered(shop: &Namespace) -> Tried<f64> {
    let text = shop
        .client()
        .request_text(kube::core::Request::new("/metrics").list(&ListParams::default())?)
        .await?;
    let counts = text.lines().filter(|line| line.starts_with("apiserver_request_total{"));
    Ok(counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// What the system holds in memory for this process, in bytes; pages of 4 KiB.
fn resident() -> Tried<u64> {
    let told = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = told.split_whitespace().nth(1).ok_or("no count of pages")?.parse()?;
    Ok(pages * 4096)
}
