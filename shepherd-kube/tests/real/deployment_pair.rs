use std::collections::BTreeMap;

use async_trait::async_trait;
use shepherd_core::model::{Replicas, Revision, Track};
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::cluster::Behaviour;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::ground::{Ground, Looks, ready_images};

struct Fixture(Ground, Looks);

impl Fixture {
    fn new() -> Self {
        let ground =
            Ground::prepared(|shop| Box::pin(async { shop.deployment("web", "shop:v1", 0).await.map(drop) }));
        Self(ground, Looks::Directly)
    }

    fn watched() -> Self {
        Self(Self::new().0, Looks::watching())
    }
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = DeploymentPair;

    async fn open(&self) -> Opened<DeploymentPair> {
        let shop = self.0.namespace().await?;
        let pair = DeploymentPair::new(shop.client(), shop.name(), "web");
        Ok(match self.1.watches(&shop) {
            Some(watches) => pair.watching(watches),
            None => pair,
        })
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
        ready_images(&*self.0.namespace().await?, app).await
    }
}

shepherd_testkit::workload_conformance!(Fixture::new);
shepherd_testkit::workload_conformance!(watched => Fixture::watched);
