use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::{Replicas, Revision, Track};
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::api::Api;
use crate::controllers;

pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

pub(crate) fn stable() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "web:v1"}, {"name": "proxy", "image": "proxy:v9"}]},
            },
        },
    })
}

struct Fixture(Api);

impl Fixture {
    fn new() -> Self {
        Self(controllers::deployments(Api::default()).with(DEPLOYMENTS, stable()))
    }
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = DeploymentPair;

    async fn open(&self) -> Opened<DeploymentPair> {
        Ok(DeploymentPair::new(self.0.client(), "shop", "web").container("app"))
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
        let name = match track {
            Track::Stable => "web",
            Track::Candidate => "web-candidate",
        };
        Ok(controllers::serving(&self.0, name))
    }
}

shepherd_testkit::workload_conformance!(Fixture::new);
