use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use shepherd_core::driver::{Fleet, Handle, Rollout};
use shepherd_core::machine::Happening;
use shepherd_core::model::{Revision, Target};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::{Clock, SystemClock};
use shepherd_core::strategy::Canary;
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::{DeploymentPair, Labels};
use shepherd_kube::{KubeEvents, Watches};

use crate::Args;
use crate::common::say::{complain, say};
use crate::common::{Cluster, Trouble};

const IMAGE: &str = "example.shepherd/image";
const ROUTE: &str = "example.shepherd/route";
const TRIED: &str = "example.shepherd/tried";
const OUTCOME: &str = "example.shepherd/outcome";

/// How long after a start that failed it is tried again.
const PAUSE: Duration = Duration::from_secs(10);

/// Starts a rollout of whatever is asked for, and writes how it ended.
pub(crate) struct Operator {
    args: Args,
    cluster: Cluster,
    store: KubeStore,
    fleet: Fleet,
    /// What all rollouts look by.
    watches: Watches,
    /// What each Deployment asks for and has not got yet.
    asked: Mutex<HashMap<String, Revision>>,
}

impl Operator {
    pub(crate) fn new(args: Args, cluster: Cluster) -> Self {
        let store = KubeStore::new(cluster.client.clone(), &cluster.namespace, args.process.as_str());
        let fleet = Fleet::new(args.calls);
        let watches = Watches::new(cluster.client.clone());
        Self { args, cluster, store, fleet, watches, asked: Mutex::default() }
    }

    /// A Deployment is so now. What was begun before this process goes on by being asked for still.
    pub(crate) fn see(self: &Arc<Self>, deployment: Deployment) {
        let name = deployment.name_any();
        let Some(image) = wanted(&deployment) else {
            self.asked().remove(&name);
            return;
        };
        let before = self.asked().insert(name, image.clone());
        if before.as_ref() != Some(&image) {
            tokio::spawn(self.clone().roll_out(deployment, image));
        }
    }

    /// Nothing is driven any more, and all states are kept.
    pub(crate) async fn close(&self) {
        self.fleet.close().await;
    }

    async fn roll_out(self: Arc<Self>, deployment: Deployment, image: Revision) {
        let name = deployment.name_any();
        let outcome = match self.drive(&deployment, &image).await {
            Ok(outcome) => outcome,
            Err(Trouble::Input(why)) => why,
            // Another image is asked for by now, or the operator ends.
            Err(Trouble::Stuck(why)) => return say(format_args!("{name}: {why}")),
        };
        say(format_args!("{name}: {outcome}"));
        let annotations = json!({TRIED: image.as_str(), OUTCOME: outcome});
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        let deployments = Api::<Deployment>::namespaced(self.cluster.client.clone(), &self.cluster.namespace);
        if let Err(error) = deployments.patch(&name, &PatchParams::apply("fleet-operator"), &patch).await {
            complain(format_args!("{name}: the outcome could not be written: {error}"));
        }
    }

    async fn drive(&self, deployment: &Deployment, image: &Revision) -> Result<String, Trouble> {
        let name = deployment.name_any();
        let handle = self.start(&self.rollout(deployment)?, &name, image).await?;
        let mut events = handle.events();
        while let Some(event) = events.next().await {
            say(format_args!("{name}: {}", event.what));
            if matches!(event.what, Happening::Paused(_)) {
                say(format_args!(
                    "{name}: it stays paused until {IMAGE} asks for another image, or for the one before"
                ));
            }
        }
        let outcome = handle.done().await?;
        let report = outcome.report();
        Ok(format!("{} was {}: {}", report.candidate, outcome.ending(), outcome.why()))
    }

    /// Tried again for as long as it is asked for: what keeps it from starting may pass.
    async fn start(&self, rollout: &Rollout, name: &str, image: &Revision) -> Result<Handle, Trouble> {
        loop {
            match self.fleet.start(rollout, image.clone()).await.map_err(Trouble::from) {
                Err(Trouble::Stuck(why)) if self.asked().get(name) == Some(image) => {
                    say(format_args!("{name}: {why}; tried again in {} s", PAUSE.as_secs()));
                }
                started => return started,
            }
            SystemClock::new().sleep(PAUSE).await;
        }
    }

    fn rollout(&self, deployment: &Deployment) -> Result<Rollout, Trouble> {
        let (client, namespace) = (&self.cluster.client, &self.cluster.namespace);
        let name = &deployment.name_any();
        let target: Target = format!("{namespace}/{name}").parse().map_err(Trouble::input)?;
        let beat = (self.args.interval / 4).clamp(Duration::from_millis(200), Duration::from_secs(5));
        let recovery = Recovery::default().drain(self.args.drain);
        let rollout = Rollout::of(target)
            .strategy(Canary::default().every(self.args.interval).recovery(recovery))
            .attention(Attention::default().every(beat))
            .stored_in(self.store.clone())
            .notify(KubeEvents::of(client.clone(), namespace, name));
        let pair = DeploymentPair::new(client.clone(), namespace, name).watching(&self.watches);
        let rollout = match deployment.annotations().get(ROUTE) {
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

    fn asked(&self) -> MutexGuard<'_, HashMap<String, Revision>> {
        // Nothing panics while it is held, and a map is whole after each of its calls.
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The image that a Deployment asks for, unless it was tried.
fn wanted(deployment: &Deployment) -> Option<Revision> {
    let asked = deployment.annotations().get(IMAGE)?;
    let tried = deployment.annotations().get(TRIED) == Some(asked);
    Revision::new(asked.as_str()).ok().filter(|_| !tried)
}
