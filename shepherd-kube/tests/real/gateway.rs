use std::time::Duration;

use async_trait::async_trait;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use shepherd_core::machine::Ending;
use shepherd_kube::router::GatewayRoute;
use shepherd_testkit::cluster::{ClusterError, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::ground::{Ground, Looks};
use crate::shop::{Shop, Way};

struct Fixture(Ground, Looks);

impl Fixture {
    fn new() -> Self {
        Self(Ground::prepared(|shop| Box::pin(routed(shop))), Looks::Directly)
    }

    fn watched() -> Self {
        Self(Self::new().0, Looks::watching())
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
        let route = GatewayRoute::http(shop.client(), shop.name(), "web");
        Ok(match self.1.watches(&shop) {
            Some(watches) => route.watching(watches),
            None => route,
        })
    }

    async fn bystanders(&self) -> Opened<String> {
        let shop = self.0.namespace().await?;
        let route = shop.http_routes().get("web").await?;
        Ok(format!("{} {}", route.data["spec"]["hostnames"], route.data["spec"]["parentRefs"]))
    }
}

shepherd_testkit::router_conformance!(Fixture::new);
shepherd_testkit::router_conformance!(watched => Fixture::watched);

/// Contour was seen to answer 503 for a backend that came together with its weight.
#[tokio::test]
async fn a_route_without_the_candidates_backend_loses_no_request_either() {
    let shop = Shop::open(Way::Envoy).await;
    let alone = json!([{"op": "remove", "path": "/spec/rules/0/backendRefs/1"}]);
    let alone = Patch::Json::<()>(serde_json::from_value(alone).unwrap());
    shop.namespace.http_routes().patch("web", &PatchParams::default(), &alone).await.unwrap();
    let users = shop.users();
    let outcome = shop.start("shop:v2", Duration::from_millis(300)).await.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    shop.only("shop:v2").await;
    users.none_failed().await;
}
