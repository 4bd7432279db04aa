use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::json;
use shepherd_core::driver::Handle;
use shepherd_core::machine::Ending;
use shepherd_core::model::{Actor, Weight};
use shepherd_core::ports::TrafficRouter;
use shepherd_kube::router::GatewayRoute;
use shepherd_testkit::cluster::{Behaviour, Cluster, ClusterError, Connections, Load, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::canary;
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

fn routes(shop: &Namespace) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    Api::namespaced_with(shop.client(), shop.name(), &ApiResource::from_gvk(&kind))
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
        let route = routes(&shop).get("web").await?;
        Ok(format!("{} {}", route.data["spec"]["hostnames"], route.data["spec"]["parentRefs"]))
    }
}

shepherd_testkit::router_conformance!(Fixture::new);

/// A service of four pods behind Envoy.
pub(crate) struct Shop {
    pub(crate) namespace: Namespace,
    pub(crate) load: Load,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let cluster = Cluster::shared().await.unwrap();
        let gateway = cluster.gateway().await.unwrap();
        let namespace = canary::shop("gateway").await;
        let host = format!("{}.example", namespace.name());
        namespace.http_route("web", &host, &[("web", 100), ("web-candidate", 0)]).await.unwrap();
        let load = Load::to(gateway.address()).header("host", &host).unwrap();
        namespace
            .eventually("the route to be served", async || {
                let tally = load.clone().send(1).await;
                Ok((tally.with_status(200) == 1).then_some(()).ok_or(tally.to_string()))
            })
            .await
            .unwrap();
        Self { namespace, load }
    }

    fn router(&self) -> GatewayRoute {
        GatewayRoute::http(self.namespace.client(), self.namespace.name(), "web")
    }

    async fn canary(&self, image: &str, interval: Duration) -> Handle {
        canary::begin(&self.namespace, self.router(), image, interval).await
    }

    pub(crate) async fn weight(&self) -> Weight {
        self.router().observe().await.unwrap().exposure.weight
    }

    pub(crate) async fn reached(&self, percent: u32) {
        let wanted = Weight::percent(percent).unwrap();
        self.namespace
            .eventually("that weight", async || {
                let weight = self.weight().await;
                Ok((weight == wanted).then_some(()).ok_or(weight.to_string()))
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn five_stages_through_envoy_lose_no_request() {
    let shop = Shop::open().await;
    let fresh = shop.load.clone().rate(100.0).start();
    let kept = shop.load.clone().connections(Connections::Kept).rate(100.0).start();
    let handle = shop.canary("shop:v2", Duration::from_millis(500)).await;
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    for load in [fresh, kept] {
        let tally = load.stop().await;
        assert!(tally.failed() == 0 && tally.by("shop:v1") > 0 && tally.by("shop:v2") > 0, "{tally}");
    }
    let after = shop.load.clone().send(50).await;
    assert_eq!(after.by("shop:v2"), 50, "{after}");
    assert_eq!(shop.weight().await, Weight::ZERO);
}

#[tokio::test]
async fn a_crash_looping_candidate_gets_no_request_and_says_why() {
    let shop = Shop::open().await;
    let load = shop.load.clone().rate(100.0).start();
    let handle = shop.canary(&Behaviour::Crashing.image("shop:v2"), Duration::from_millis(500)).await;
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(outcome.why().contains("CrashLoopBackOff"), "{}", outcome.why());
    assert!(outcome.why().contains("exited with 1"), "{}", outcome.why());
    let tally = load.stop().await;
    assert!(tally.failed() == 0 && tally.by("shop:v1") == tally.sent(), "{tally}");
}

#[tokio::test]
async fn an_abort_takes_all_off_though_a_stable_pod_is_unready() {
    let shop = Shop::open().await;
    let handle = shop.canary("shop:v2", Duration::from_mins(10)).await;
    shop.reached(10).await;
    // A fifth pod that no node has room for.
    let huge = json!({"spec": {"replicas": 5, "template": {"spec": {"containers": [{
        "name": "app", "resources": {"requests": {"cpu": "100k"}},
    }]}}}});
    let deployments = shop.namespace.api::<Deployment>();
    deployments.patch("web", &PatchParams::default(), &Patch::Strategic(huge)).await.unwrap();
    shop.namespace
        .eventually("a pod of stable being unready", async || {
            let stable = deployments.get("web").await.unwrap();
            let unready = stable.status.and_then(|status| status.unavailable_replicas);
            Ok((unready > Some(0)).then_some(()).ok_or(format!("{unready:?}")))
        })
        .await
        .unwrap();
    handle.abort(Actor::new("ada").unwrap(), "no reason").await.unwrap();
    // The lever answers as soon as the decision is saved; the one write that it takes may be under way.
    shop.reached(0).await;
}

#[tokio::test]
async fn a_person_who_edits_the_route_meanwhile_keeps_what_is_theirs() {
    let shop = Shop::open().await;
    let handle = shop.canary("shop:v2", Duration::from_millis(700)).await;
    shop.reached(10).await;
    let own = format!("{}.example", shop.namespace.name());
    let edit =
        json!({"metadata": {"labels": {"edited": "yes"}}, "spec": {"hostnames": [own, "second.example"]}});
    routes(&shop.namespace).patch("web", &PatchParams::default(), &Patch::Merge(edit)).await.unwrap();
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    let route = routes(&shop.namespace).get("web").await.unwrap();
    assert_eq!(route.data["spec"]["hostnames"][1], "second.example");
}
