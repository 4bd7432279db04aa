//! How a candidate of a pair of Deployments becomes stable, on a real control plane and under load.

mod conformance;
mod external;
mod patch;
mod switch;

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::{Client, ResourceExt};
use shepherd_core::driver::Rollout;
use shepherd_core::model::{Actor, Revision};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::strategy::Canary;
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use crate::shop::Shop;

pub(super) fn pair(client: Client, namespace: &str, way: PromoteBy) -> DeploymentPair {
    DeploymentPair::new(client, namespace, "web").services("web", "web-candidate").promote_by(way)
}

/// A canary in two steps, which another process can go on with.
pub(super) fn rollout(client: Client, namespace: &str, pair: DeploymentPair, step: Duration) -> Rollout {
    let canary = Canary::weights([50, 100]).unwrap().every(step);
    Rollout::of(format!("{namespace}/web").parse().unwrap())
        .strategy(canary.recovery(Recovery::default().drain(Duration::from_secs(1))))
        .attention(Attention::default().every(Duration::from_millis(200)))
        .through(GatewayRoute::http(client.clone(), namespace, "web"))
        .on(pair)
        .stored_in(KubeStore::new(client, namespace, "bot"))
        .build()
        .unwrap()
}

pub(super) const STEP: Duration = Duration::from_millis(300);

pub(super) fn image(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

pub(super) fn ada() -> Actor {
    Actor::new("ada").unwrap()
}

impl Shop {
    pub(super) async fn app_of(&self, service: &str) -> String {
        let service = self.namespace.api::<Service>().get(service).await.unwrap();
        service.spec.and_then(|spec| spec.selector).unwrap_or_default()["app"].clone()
    }

    pub(super) async fn replicas_of(&self, deployment: &str) -> i32 {
        let found = self.namespace.api::<Deployment>().get(deployment).await.unwrap();
        found.spec.and_then(|spec| spec.replicas).unwrap_or(1)
    }

    /// Whose pods were ever started, and of which image.
    pub(super) async fn started(&self) -> BTreeSet<String> {
        let sets = self.namespace.api::<ReplicaSet>().list(&ListParams::default()).await.unwrap();
        let of = |set: &ReplicaSet| {
            let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref()).unwrap();
            let image = template.spec.as_ref().and_then(|spec| spec.containers[0].image.clone());
            format!("{} of {}", image.unwrap_or_default(), set.owner_references()[0].name)
        };
        assert_eq!(sets.iter().map(of).collect::<BTreeSet<_>>().len(), sets.items.len(), "each of them once");
        sets.iter().map(of).collect()
    }
}
