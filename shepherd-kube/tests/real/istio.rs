//! On Istio's definitions: the API server checks what is written, and no istiod acts on it.

use async_trait::async_trait;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use serde_json::json;
use shepherd_kube::router::VirtualService;
use shepherd_testkit::cluster::{ClusterError, CustomResources, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::ground::Ground;

struct Fixture(Ground);

impl Fixture {
    fn new() -> Self {
        Self(Ground::prepared(|shop| Box::pin(service(shop))))
    }
}

fn services(shop: &Namespace) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1", "VirtualService");
    Api::namespaced_with(shop.client(), shop.name(), &ApiResource::from_gvk(&kind))
}

async fn service(shop: &Namespace) -> Result<(), ClusterError> {
    shop.cluster().install(CustomResources::Istio).await?;
    let service = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
        "spec": {
            "hosts": ["shop.example"],
            "http": [
                {"name": "old", "match": [{"uri": {"prefix": "/old"}}], "redirect": {"uri": "/"}},
                {"name": "all", "timeout": "10s", "route": [
                    {"destination": {"host": "web"}, "weight": 75},
                    {"destination": {"host": "legacy"}, "weight": 25},
                ]},
            ],
        },
    });
    let service = serde_json::from_value(service).unwrap();
    let created = services(shop).create(&PostParams::default(), &service).await;
    created.map(drop).map_err(|error| ClusterError::Malformed(error.to_string()))
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = VirtualService;

    async fn open(&self) -> Opened<VirtualService> {
        let shop = self.0.namespace().await?;
        Ok(VirtualService::http(shop.client(), shop.name(), "web"))
    }

    async fn bystanders(&self) -> Opened<String> {
        let service = services(&*self.0.namespace().await?).get("web").await?;
        let routes = service.data["spec"]["http"].as_array().cloned().unwrap_or_default();
        let theirs = |name: &str| {
            routes.iter().find(|route| route["name"] == name).map(|route| route["timeout"].clone())
        };
        Ok(format!("{} {:?} {:?}", service.data["spec"]["hosts"], theirs("old"), theirs("all")))
    }
}

shepherd_testkit::router_conformance!(Fixture::new);
