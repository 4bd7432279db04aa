//! How a candidate of a pair of Deployments becomes stable.

mod edited;
mod external;
mod patch;
mod refusals;
mod switch;
mod switch_faults;
mod switch_watched;

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::{
    Fence, Generation, Mark, Replicas, Revision, StageIndex, Track, TrackSpec, Traffic,
};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::api::{Api, Seen};
use crate::controllers::{self, SERVICES};
use crate::deployment_pair::DEPLOYMENTS;
use crate::words::fence;

pub(super) fn service(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"app": app, "tier": "front"}, "ports": [{"port": 80}]},
    })
}

pub(super) fn deployment(replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web", "tier": "front"}},
                "spec": {"containers": [{
                    "name": "app", "image": "web:v1", "env": [{"name": "TOKEN", "value": SECRET}],
                }]},
            },
        },
    })
}

/// The shop at rest, and how its workload is opened.
pub(super) struct Fixture<W> {
    api: Api,
    open: fn(&Api) -> W,
}

impl<W> Fixture<W> {
    pub(super) fn of(open: fn(&Api) -> W) -> Self {
        Self { api: shop(0), open }
    }
}

#[async_trait]
impl<W: Workload> WorkloadFixture for Fixture<W> {
    type Workload = W;

    async fn open(&self) -> Opened<W> {
        Ok((self.open)(&self.api))
    }

    fn holds_marks(&self) -> bool {
        true
    }

    fn revisions(&self) -> [Revision; 2] {
        ["web:v1", "web:v2"].map(|image| image.parse().unwrap())
    }

    fn failing(&self) -> Option<Revision> {
        "web:v3-broken".parse().ok()
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        Ok(behind(&self.api, track))
    }
}

/// What stands in the environment of stable's pods, and nobody may see.
pub(super) const SECRET: &str = "s3cr3t-of-the-shop";

/// A service with a Service for each track.
pub(super) fn shop(replicas: u32) -> Api {
    let api = controllers::services(controllers::deployments(Api::default()));
    api.with(SERVICES, service("web", "web"))
        .with(SERVICES, service("web-candidate", "web-candidate"))
        .with(DEPLOYMENTS, deployment(replicas))
}

pub(super) fn pair(api: &Api, way: PromoteBy) -> DeploymentPair {
    DeploymentPair::new(api.client(), "shop", "web").services("web", "web-candidate").promote_by(way)
}

pub(super) fn of(track: Track, revision: &str, replicas: u32) -> TrackSpec {
    TrackSpec::new(track, revision.parse().unwrap(), Replicas::new(replicas))
}

pub(super) fn on(owner: &Fence, generation: u64) -> Mark {
    let generation = Generation::new(generation);
    Mark { fence: owner.clone(), stage: StageIndex::FIRST, generation, traffic: Traffic::On, cause: None }
}

pub(super) fn off(owner: &Fence, generation: u64) -> Mark {
    Mark { traffic: Traffic::Off, ..on(owner, generation) }
}

/// The first owner of the first rollout.
pub(super) fn first() -> Fence {
    fence(1, 1)
}

/// What the pods are that each Service sends to.
pub(super) fn behind(api: &Api, track: Track) -> BTreeMap<Revision, Replicas> {
    controllers::behind(api, if track == Track::Stable { "web" } else { "web-candidate" })
}

pub(super) fn app_of(api: &Api, service: &str) -> String {
    api.get(SERVICES, service)["spec"]["selector"]["app"].as_str().unwrap().to_owned()
}

pub(super) fn replicas_of(api: &Api, deployment: &str) -> u64 {
    api.get(DEPLOYMENTS, deployment)["spec"]["replicas"].as_u64().unwrap()
}

/// The objects that were written since this was asked last.
pub(super) fn written(api: &Api) -> Vec<String> {
    let writes = api.seen().into_iter().filter(Seen::is_write);
    writes.map(|seen| seen.path.rsplit('/').take(2).collect::<Vec<_>>().join(" of ")).collect()
}
