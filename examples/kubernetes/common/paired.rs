//! A pair of Deployments whose tracks have a Service each.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use shepherd_core::model::Weight;
use shepherd_core::ports::TrafficRouter;
use shepherd_core::strategy::Canary;
use shepherd_kube::KubeEvents;
use shepherd_kube::preflight::{Grounded, Preflight};
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::guarded::Guarded;
use super::patch_file::PatchFile;
use super::values::{name, time};
use super::{Asked, Cluster, Trouble};

/// What a candidate is made of, and how it becomes stable.
#[derive(Debug, Args)]
pub(crate) struct Paired {
    /// Stable's Service [default: NAME]
    #[arg(long, value_name = "SERVICE", value_parser = name)]
    stable: Option<String>,

    /// The candidate's Service [default: NAME-candidate]
    #[arg(long, value_name = "SERVICE", value_parser = name)]
    candidate: Option<String>,

    /// A patch of the pods' template that makes the candidate, in YAML or JSON; IMAGE is only its name then
    ///
    /// A mapping is a JSON merge patch, which replaces lists as a whole; a list is a JSON Patch. It is of the template and
    /// not of the Deployment: `metadata` and `spec`. The same name must always stand for the same patch, also when the
    /// program goes on with what was begun before.
    #[arg(long, value_name = "FILE", value_parser = PatchFile::read)]
    patch: Option<PatchFile>,

    /// How the candidate becomes stable
    #[arg(long, value_enum, default_value = "copy", value_name = "WAY")]
    promote_by: Way,

    /// How long that may take before it is taken back: the time that its owner needs, where he ships it
    #[arg(long, default_value = "10m", value_name = "TIME", value_parser = time)]
    promote_within: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    /// Stable's Deployment gets what the candidate runs, and starts its pods once more
    Copy,
    /// Stable's Service is led to the candidate's pods, and the two Deployments change roles
    Switch,
    /// Whoever owns stable's Deployment ships what its annotation `shepherd.rs/wanted` names, and is waited for
    External,
}

impl Paired {
    /// The Services of stable and of the candidate.
    pub(crate) fn services(&self, asked: &Asked) -> [String; 2] {
        let stable = self.stable.clone().unwrap_or_else(|| asked.name.clone());
        let candidate = self.candidate.clone().unwrap_or_else(|| format!("{}-candidate", asked.name));
        [stable, candidate]
    }

    /// From the start to the end, by these weights of this router.
    pub(crate) async fn roll_out(
        &self,
        asked: &Asked,
        cluster: &Cluster,
        weights: Vec<Weight>,
        guarded: Guarded,
        router: impl TrafficRouter + Grounded + 'static,
    ) -> Result<u8, Trouble> {
        let (router, workload) = (Arc::new(router), Arc::new(self.workload(cluster, asked)));
        let preflight = Preflight::of(&cluster.client).router(&*router).workload(&*workload);
        let canary = Canary::weights(weights).map_err(Trouble::input)?;
        let canary = canary.every(asked.interval).promoted_within(self.promote_within);
        let events = KubeEvents::of(cluster.client.clone(), &cluster.namespace, &asked.name);
        asked
            .run(cluster, preflight, |rollout| {
                let rollout = rollout
                    .strategy(canary.recovery(asked.recovery()))
                    .notify(events)
                    .through(router.clone())
                    .on(workload.clone());
                guarded.guard(cluster, self.services(asked), rollout)
            })
            .await
    }

    fn workload(&self, cluster: &Cluster, asked: &Asked) -> DeploymentPair {
        let [stable, candidate] = self.services(asked);
        let pair = DeploymentPair::new(cluster.client.clone(), &cluster.namespace, &asked.name)
            .services(stable, candidate)
            .promote_by(self.promote_by.into());
        let Some(PatchFile(patch)) = self.patch.clone() else { return pair };
        let name = asked.image.clone();
        pair.patched_by(move |revision| {
            // Another one may be under way, begun with another file.
            let other = || format!("--patch is that of {name}: run it with the one of {revision}");
            (*revision == name).then(|| patch.clone()).ok_or_else(other)
        })
    }
}

impl From<Way> for PromoteBy {
    fn from(way: Way) -> Self {
        match way {
            Way::Copy => Self::Copy,
            Way::Switch => Self::Switch,
            Way::External => Self::External,
        }
    }
}
