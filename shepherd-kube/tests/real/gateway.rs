use async_trait::async_trait;
use shepherd_kube::router::GatewayRoute;
use shepherd_testkit::cluster::{ClusterError, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::ground::Ground;

struct Fixture(Ground);

impl Fixture {
    fn new() -> Self {
        Self(Ground::prepared(|shop| Box::pin(routed(shop))))
    }
}

/// A route that Contour serves, with a third backend.
async fn routed(shop: &Namespace) -> Result<(), ClusterError> {
    shop.cluster().gateway().await?;
    for name in ["web", "web-candidate", "old"] {
        shop.service(name, name).await?;
    }
    let host = format!("{}.example", shop.name());
    shop.http_route("web", &host, &[("web", 3), ("old", 1)]).await.map(drop)
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = GatewayRoute;

    async fn open(&self) -> Opened<GatewayRoute> {
        let shop = self.0.namespace().await?;
        Ok(GatewayRoute::http(shop.client(), shop.name(), "web"))
    }

    async fn bystanders(&self) -> Opened<String> {
        let shop = self.0.namespace().await?;
        let route = shop.http_routes().get("web").await?;
        Ok(format!("{} {}", route.data["spec"]["hostnames"], route.data["spec"]["parentRefs"]))
    }
}

shepherd_testkit::router_conformance!(Fixture::new);
