use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use shepherd_core::model::Target;
use shepherd_kube::store::KubeStore;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::store::StoreFixture;

use crate::ground::Ground;

struct Fixture {
    ground: Ground,
    opened: AtomicUsize,
}

impl Fixture {
    fn new() -> Self {
        let ground = Ground::prepared(|_| Box::pin(async { Ok(()) }));
        Self { ground, opened: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl StoreFixture for Fixture {
    type Store = KubeStore;

    async fn open(&self) -> Opened<KubeStore> {
        let shop = self.ground.namespace().await?;
        let nth = self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(KubeStore::new(shop.client(), shop.name(), format!("bot-{nth}")))
    }

    async fn damage(&self, target: &Target) -> Opened<bool> {
        let name = format!("shepherd-{}", target.to_string().replace('/', "."));
        let patch = Patch::Merge(json!({"data": {"epoch": "seven"}}));
        let maps = self.ground.namespace().await?.api::<ConfigMap>();
        maps.patch(&name, &PatchParams::default(), &patch).await?;
        Ok(true)
    }
}

shepherd_testkit::store_conformance!(Fixture::new);
