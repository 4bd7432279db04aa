use std::collections::BTreeMap;

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use shepherd_core::model::{FailureKind, Fence, Mark, Replicas, Revision, Track, TrackSpec, WorkloadState};
use shepherd_core::ports::{PortError, Workload};
use shepherd_kube::workload::{DeploymentPair, PromoteBy};
use shepherd_testkit::cluster::{Behaviour, ClusterError, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::ground::{Ground, ready_images};

/// A pair, and whoever ships stable's manifest where that is somebody else.
struct Kept {
    pair: DeploymentPair,
    owner: Option<kube::Api<Deployment>>,
}

#[async_trait]
impl Workload for Kept {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.pair.claim(fence).await
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let asked = self.pair.apply(spec, mark).await;
        let Some(owner) = self.owner.as_ref().filter(|_| spec.track == Track::Stable) else { return asked };
        match asked {
            Err(error) if error.kind() != FailureKind::Unsupported => return Err(error),
            _ => {}
        }
        let container = json!({"name": "app", "image": spec.revision.as_str()});
        let template = json!({"spec": {"containers": [container]}});
        let shipped = json!({"spec": {"replicas": spec.replicas.get(), "template": template}});
        let shipped = owner.patch("web", &PatchParams::default(), &Patch::Strategic(shipped)).await;
        shipped.map_err(|error| PortError::transient("the owner", error.to_string()))?;
        self.pair.apply(spec, mark).await
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        self.pair.observe().await
    }
}

struct Fixture {
    ground: Ground,
    way: PromoteBy,
    patched: bool,
}

async fn idle(shop: &Namespace) -> Result<(), ClusterError> {
    for name in ["web", "web-candidate"] {
        shop.service(name, name).await?;
    }
    shop.deployment("web", "shop:v1", 0).await.map(drop)
}

impl Fixture {
    fn of(way: PromoteBy, patched: bool) -> Self {
        Self { ground: Ground::prepared(|shop| Box::pin(idle(shop))), way, patched }
    }
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = Kept;

    async fn open(&self) -> Opened<Kept> {
        let shop = self.ground.namespace().await?;
        let pair = super::pair(shop.client(), shop.name(), self.way);
        let by_image = |revision: &Revision| {
            Ok(json!([{"op": "replace", "path": "/spec/containers/0/image", "value": revision.as_str()}]))
        };
        let pair = if self.patched { pair.patched_by(by_image) } else { pair };
        let owner = (self.way == PromoteBy::External).then(|| shop.api::<Deployment>());
        Ok(Kept { pair, owner })
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
        let shop = self.ground.namespace().await?;
        let name = if track == Track::Stable { "web" } else { "web-candidate" };
        let service = shop.api::<Service>().get(name).await?;
        let selector = service.spec.and_then(|spec| spec.selector).unwrap_or_default();
        let terms: Vec<_> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        ready_images(&shop, &terms.join(",")).await
    }
}

shepherd_testkit::workload_conformance!(switch => || Fixture::of(PromoteBy::Switch, false));
shepherd_testkit::workload_conformance!(external => || Fixture::of(PromoteBy::External, false));
shepherd_testkit::workload_conformance!(patch => || Fixture::of(PromoteBy::Copy, true));
