mod keeper;
mod wish;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use shepherd_core::driver::{Fleet, Handle, Rollout, StartError};
use shepherd_core::machine::Snapshot;
use shepherd_core::model::{Actor, Revision, Target};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::{Store, StoreError};
use shepherd_core::strategy::Canary;
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::{DeploymentPair, Labels};
use shepherd_kube::{KubeEvents, Watches};
use tokio::sync::{Semaphore, watch};

use crate::Args;
use crate::common::{Cluster, Trouble};
use keeper::Keeper;
use wish::Wish;

/// Keeps every Deployment of a namespace, and has what its keepers need.
pub(crate) struct Operator {
    args: Args,
    cluster: Cluster,
    /// Who ends a rollout that another image is asked for.
    actor: Actor,
    store: KubeStore,
    fleet: Fleet,
    /// What all rollouts look by.
    watches: Watches,
    /// So that a start among many Deployments does not look for all of their rollouts at once.
    looks: Semaphore,
    closing: AtomicBool,
    /// What each Deployment that was ever seen asks for, for its keeper.
    wishes: Mutex<HashMap<String, watch::Sender<Wish>>>,
}

impl Operator {
    pub(crate) fn new(args: Args, cluster: Cluster) -> Result<Self, Trouble> {
        let actor = Actor::new(args.process.as_str());
        Ok(Self {
            actor: actor.map_err(|error| Trouble::Input(format!("--process: {error}")))?,
            store: KubeStore::new(cluster.client.clone(), &cluster.namespace, args.process.as_str()),
            fleet: Fleet::new(args.calls),
            watches: Watches::new(cluster.client.clone()),
            looks: Semaphore::new(args.calls.get().min(Semaphore::MAX_PERMITS)),
            closing: AtomicBool::new(false),
            wishes: Mutex::default(),
            args,
            cluster,
        })
    }

    /// A Deployment is so now.
    pub(crate) fn see(self: &Arc<Self>, deployment: &Deployment) {
        self.wished(deployment.name_any(), Wish::of(deployment));
    }

    /// A Deployment is gone, and asks for nothing.
    pub(crate) fn miss(self: &Arc<Self>, deployment: &Deployment) {
        self.wished(deployment.name_any(), Wish::default());
    }

    fn wished(self: &Arc<Self>, name: String, wish: Wish) {
        // Nothing panics while it is held, and a map is whole after each of its calls.
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = wishes.get(&name) {
            known.send_if_modified(|known| {
                let modified = *known != wish;
                *known = wish;
                modified
            });
            return;
        }
        let (sender, receiver) = watch::channel(wish);
        tokio::spawn(Keeper::new(self.clone(), name.clone(), receiver).keep());
        wishes.insert(name, sender);
    }

    /// Nothing is driven any more, and all states are kept.
    pub(crate) async fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.fleet.close().await;
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// The rollout of a Deployment that is not done, whoever began it.
    async fn begun(&self, name: &str) -> Result<Option<Snapshot>, Trouble> {
        let _permit = self.looks.acquire().await.map_err(Trouble::stuck)?;
        let Some((_, Some(saved))) = self.store.load(&self.target(name)?).await? else { return Ok(None) };
        let snapshot = Snapshot::decode(&saved.snapshot).map_err(Trouble::stuck)?;
        Ok((!snapshot.is_done()).then_some(snapshot))
    }

    /// None when there is none.
    async fn deployment(&self, name: &str) -> Result<Option<Deployment>, Trouble> {
        self.deployments().get_opt(name).await.map_err(Trouble::stuck)
    }

    /// Answers whether they were written: neither to a Deployment that is gone, nor to one that is no longer of this
    /// version.
    async fn annotate(&self, name: &str, version: Option<&str>, annotations: Value) -> Result<bool, Trouble> {
        let mut metadata = json!({"annotations": annotations});
        if let Some(version) = version {
            metadata["resourceVersion"] = version.into();
        }
        let patch = Patch::Merge(json!({"metadata": metadata}));
        match self.deployments().patch_metadata(name, &PatchParams::apply("fleet-operator"), &patch).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(kube::Error::Api(status)) if status.code == 409 && version.is_some() => Ok(false),
            Err(error) => Err(Trouble::stuck(error)),
        }
    }

    async fn start(&self, name: &str, route: Option<&str>, image: &Revision) -> Result<Handle, Trouble> {
        self.fleet.start(&self.rollout(name, route)?, image.clone()).await.map_err(held)
    }

    /// Goes on with what was begun before. None where it has ended meanwhile.
    async fn resume(&self, name: &str, route: Option<&str>) -> Result<Option<Handle>, Trouble> {
        self.fleet.resume(&self.rollout(name, route)?).await.map_err(held)
    }

    /// Whether it could be started.
    async fn plan(&self, name: &str, route: Option<&str>, image: &Revision) -> Result<(), Trouble> {
        self.rollout(name, route)?.plan(image.clone()).await?;
        Ok(())
    }

    fn rollout(&self, name: &str, route: Option<&str>) -> Result<Rollout, Trouble> {
        let (client, namespace) = (&self.cluster.client, &self.cluster.namespace);
        let beat = (self.args.interval / 4).clamp(Duration::from_millis(200), Duration::from_secs(5));
        let recovery = Recovery::default().drain(self.args.drain);
        let rollout = Rollout::of(self.target(name)?)
            .strategy(Canary::default().every(self.args.interval).recovery(recovery))
            .attention(Attention::default().every(beat))
            .stored_in(self.store.clone())
            .notify(KubeEvents::of(client.clone(), namespace, name));
        let pair = DeploymentPair::new(client.clone(), namespace, name).watching(&self.watches);
        let rollout = match route {
            None => rollout.on(pair.labels(Labels::Shared)),
            Some(route) => {
                let candidate = format!("{name}-candidate");
                let router = GatewayRoute::http(client.clone(), namespace, route).watching(&self.watches);
                let router = router.backends(name, &candidate);
                rollout.through(router).on(pair.services(name, candidate))
            }
        };
        Ok(rollout.build()?)
    }

    fn target(&self, name: &str) -> Result<Target, Trouble> {
        format!("{}/{name}", self.cluster.namespace).parse().map_err(Trouble::input)
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.cluster.client.clone(), &self.cluster.namespace)
    }
}

/// An operator takes over by itself, and from nobody who lives.
fn held(error: StartError) -> Trouble {
    match error {
        StartError::Store(StoreError::Held { holder, .. }) => {
            Trouble::Stuck(format!("{holder} drives it; end that one, or wait for its end"))
        }
        error => error.into(),
    }
}
