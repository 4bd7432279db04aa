use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::{Exposure, FailureKind, Replicas, Revision, Route, Track, Weight};
use shepherd_core::ports::TrafficRouter;
use shepherd_kube::blue_green::{BlueGreenDeployments, BlueGreenService, ServiceSelector};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::roles::RolesFixture;
use shepherd_testkit::conformance::router::RouterFixture;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::api::Api;
use crate::controllers;
use crate::deployment_pair::DEPLOYMENTS;
use crate::watching::Looking;

const SERVICES: &str = "/api/v1/namespaces/shop/services";

struct Fixture(Api);

fn deployment(color: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": format!("web-{color}"), "namespace": "shop"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web", "color": color}},
            "template": {
                "metadata": {"labels": {"app": "web", "color": color}},
                "spec": {"containers": [{"name": "app", "image": "web:v1"}]},
            },
        },
    })
}

fn service(name: &str, color: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop", "annotations": {"team": "shop"}},
        "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80}], "selector": {"app": "web", "color": color}},
    })
}

impl Fixture {
    fn new() -> Self {
        let api = controllers::deployments(Api::default()).with(DEPLOYMENTS, deployment("blue"));
        let api = api.with(DEPLOYMENTS, deployment("green")).with(SERVICES, service("web-preview", "green"));
        Self(controllers::services(api).with(SERVICES, service("web", "blue")))
    }

    fn watched() -> Self {
        Self(Self::serving().0.watched())
    }

    fn serving() -> Self {
        let fixture = Self::new();
        for deployment in ["web-blue", "web-green"] {
            fixture.0.merge(DEPLOYMENTS, deployment, &json!({"spec": {"replicas": 1}}));
        }
        fixture
    }

    fn web(&self) -> BlueGreenService {
        BlueGreenService::new(self.0.client(), "shop", "web").looking(&self.0)
    }
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = ServiceSelector;

    async fn open(&self) -> Opened<ServiceSelector> {
        Ok(self.web().router())
    }

    async fn bystanders(&self) -> Opened<String> {
        let mut service = self.0.get(SERVICES, "web");
        service["spec"]["selector"]["color"].take();
        Ok(format!("{} {}", service["spec"], service["metadata"]["annotations"]["team"]))
    }
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = BlueGreenDeployments;

    async fn open(&self) -> Opened<BlueGreenDeployments> {
        Ok(self.web().workload())
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
        let color = if track == Track::Stable { "web-blue" } else { "web-green" };
        Ok(controllers::serving(&self.0, color))
    }
}

struct Roles(Fixture);

impl Roles {
    fn new() -> Self {
        let fixture = Fixture::new();
        fixture.0.merge(DEPLOYMENTS, "web-blue", &json!({"spec": {"replicas": 1}}));
        // It is made when it is first needed.
        fixture.0.delete(DEPLOYMENTS, "web-green");
        Self(fixture)
    }

    fn watched() -> Self {
        Self(Fixture(Self::new().0.0.watched()))
    }
}

#[async_trait]
impl RolesFixture for Roles {
    type Router = ServiceSelector;
    type Workload = BlueGreenDeployments;

    async fn open(&self) -> Opened<(ServiceSelector, BlueGreenDeployments)> {
        let web = self.0.web();
        Ok((web.router(), web.workload()))
    }

    fn revisions(&self) -> [Revision; 2] {
        ["web:v1", "web:v2"].map(|image| image.parse().unwrap())
    }

    async fn answering(&self) -> Opened<BTreeSet<Revision>> {
        Ok(controllers::answering(&self.0.0, "web"))
    }
}

fn on(generation: u64, exposure: Exposure) -> Route {
    Route { exposure, mark: crate::deployment_pair::mark(generation) }
}

#[tokio::test]
async fn the_preview_always_sends_to_the_candidate() {
    let fixture = Fixture::new();
    let web = fixture.web().preview("web-preview");
    fixture.0.merge(SERVICES, "web-preview", &json!({"spec": {"selector": {"color": "blue"}}}));
    let router = web.router();
    router.claim(&on(1, Exposure::OFF).mark.fence).await.unwrap();
    let color = |service| fixture.0.get(SERVICES, service)["spec"]["selector"]["color"].clone();
    assert_eq!((color("web"), color("web-preview")), (json!("blue"), json!("green")));
    router.apply(&on(2, Exposure::weight(Weight::FULL))).await.unwrap();
    assert_eq!((color("web"), color("web-preview")), (json!("green"), json!("green")));
}

#[tokio::test]
async fn a_switch_is_in_effect_when_the_endpoints_are_the_new_sides() {
    let fixture = Fixture::new();
    fixture.0.merge(DEPLOYMENTS, "web-green", &json!({"spec": {"replicas": 1}}));
    let router = fixture.web().router();
    router.apply(&on(1, Exposure::weight(Weight::FULL))).await.unwrap();
    assert!(router.observe().await.unwrap().in_effect);
    // The controller of endpoints has not seen it yet.
    let old = json!({"endpoints": [{"addresses": ["10.1.1.9"], "conditions": {"ready": true}, "targetRef": {"name": "web-blue-1"}}]});
    fixture.0.merge("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", "web", &old);
    let seen = router.observe().await.unwrap();
    assert!(!seen.in_effect);
    assert!(seen.awaits.unwrap().to_string().contains("web-blue-1"));
}

#[tokio::test]
async fn a_selector_of_neither_side_is_refused_with_what_it_must_say() {
    let fixture = Fixture::new();
    fixture.0.merge(SERVICES, "web", &json!({"spec": {"selector": {"color": "red"}}}));
    let error = fixture.web().router().claim(&on(1, Exposure::OFF).mark.fence).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Permanent);
    assert!(error.to_string().contains("must say color=blue or color=green; it says \"red\""), "{error}");
}

#[tokio::test]
async fn half_of_the_requests_cannot_be_switched() {
    let fixture = Fixture::new();
    let half = on(1, Exposure::weight(Weight::percent(50).unwrap()));
    let error = fixture.web().router().apply(&half).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unsupported);
}

shepherd_testkit::roles_conformance!(Roles::new);
shepherd_testkit::router_conformance!(Fixture::serving);
shepherd_testkit::workload_conformance!(Fixture::new);
shepherd_testkit::roles_conformance!(watched_roles => Roles::watched);
shepherd_testkit::router_conformance!(watched_router => Fixture::watched);
shepherd_testkit::workload_conformance!(watched_workload => Fixture::watched);
