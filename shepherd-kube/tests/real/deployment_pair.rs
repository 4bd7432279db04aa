use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use shepherd_core::model::{Replicas, Revision, Track};
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::cluster::Behaviour;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::ground::Ground;

struct Fixture(Ground);

impl Fixture {
    fn new() -> Self {
        Self(Ground::prepared(|shop| {
            Box::pin(async { shop.deployment("web", "shop:v1", 0).await.map(drop) })
        }))
    }
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = DeploymentPair;

    async fn open(&self) -> Opened<DeploymentPair> {
        let shop = self.0.namespace().await?;
        Ok(DeploymentPair::new(shop.client(), shop.name(), "web"))
    }

    fn holds_marks(&self) -> bool {
        true
    }

    fn revisions(&self) -> [Revision; 2] {
        ["shop:v1", "shop:v2"].map(|image| image.parse().unwrap())
    }

    fn failing(&self) -> Option<Revision> {
        Behaviour::Crashing.image("shop:v3").parse().ok()
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        let app = match track {
            Track::Stable => "app=web",
            Track::Candidate => "app=web-candidate",
        };
        let pods = self.0.namespace().await?.api::<Pod>().list(&ListParams::default().labels(app)).await?;
        let mut serving = BTreeMap::new();
        for pod in pods.items.iter().filter(|pod| is_ready(pod)) {
            let image = pod.spec.as_ref().and_then(|spec| spec.containers[0].image.clone()).unwrap();
            let count: &mut Replicas = serving.entry(image.parse()?).or_default();
            *count = Replicas::new(count.get() + 1);
        }
        Ok(serving)
    }
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.filter(|one| one.type_ == "Ready").any(|one| one.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

shepherd_testkit::workload_conformance!(Fixture::new);
