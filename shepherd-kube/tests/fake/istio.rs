use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::{Exposure, FailureKind, Weight};
use shepherd_core::ports::TrafficRouter;
use shepherd_kube::router::VirtualService;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::api::Api;
use crate::watching::Looking;
use crate::words::{beta, cookie, header, off, on, shown};

const SERVICES: &str = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices";

/// As people write them: a redirect, a route with a third destination, time-outs and retries, and other protocols.
fn service() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {
            "name": "web", "namespace": "shop",
            "labels": {"team": "shop"}, "annotations": {"owner": "ada"},
        },
        "spec": {
            "hosts": ["shop.example"],
            "gateways": ["public", "mesh"],
            "http": [
                {"name": "old", "match": [{"uri": {"prefix": "/old"}}], "redirect": {"uri": "/"}},
                {"name": "assets", "match": [{"uri": {"prefix": "/assets"}}],
                 "route": [{"destination": {"host": "assets"}}], "mirror": {"host": "shadow"}},
                {"name": "all", "match": [{"uri": {"prefix": "/"}, "headers": {"x-tenant": {"exact": "eu"}}}],
                 "timeout": "10s", "retries": {"attempts": 2},
                 "route": [
                    {"destination": {"host": "web.shop.svc.cluster.local", "port": {"number": 80}}, "weight": 75},
                    {"destination": {"host": "legacy"}, "weight": 25, "headers": {"request": {"set": {"a": "b"}}}},
                 ]},
            ],
            "tcp": [{"match": [{"port": 5432}], "route": [{"destination": {"host": "db"}}]}],
        },
    })
}

/// The same by subsets, in one destination without a weight.
fn subset_service() -> Value {
    let mut service = service();
    service["spec"]["http"][2]["route"] = json!([{"destination": {"host": "web", "subset": "stable"}}]);
    service
}

struct Fixture {
    api: Api,
    router: fn(&Api) -> VirtualService,
}

impl Fixture {
    fn services() -> Self {
        let router = |api: &Api| VirtualService::http(api.client(), "shop", "web");
        Self { api: Api::default().with(SERVICES, service()), router }
    }

    fn subsets() -> Self {
        let router = |api: &Api| {
            VirtualService::http(api.client(), "shop", "web")
                .subsets("web", "stable", "candidate")
                .looking(api)
        };
        Self { api: Api::default().with(SERVICES, subset_service()), router }
    }

    fn watched() -> Self {
        let Self { api, router } = Self::subsets();
        Self { api: api.watched(), router }
    }

    fn tcp() -> Self {
        let router = |api: &Api| {
            VirtualService::tcp(api.client(), "shop", "web").services("db", "db-next").routes_at([0])
        };
        Self { api: Api::default().with(SERVICES, service()), router }
    }

    fn router(&self) -> VirtualService {
        (self.router)(&self.api)
    }

    fn http(&self) -> Value {
        self.api.get(SERVICES, "web")["spec"]["http"].clone()
    }
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = VirtualService;

    async fn open(&self) -> Opened<VirtualService> {
        Ok(self.router())
    }

    async fn bystanders(&self) -> Opened<String> {
        let mut service = self.api.get(SERVICES, "web");
        let http = service["spec"]["http"].as_array_mut().unwrap();
        http.retain(|route| !route["name"].as_str().unwrap().starts_with("shepherd"));
        let routed = http.iter_mut().find(|route| route["name"] == "all").unwrap();
        routed["route"] = share_of_legacy(&routed["route"]).into();
        routed.as_object_mut().unwrap().remove("mirror");
        routed.as_object_mut().unwrap().remove("mirrorPercentage");
        let tcp = service["spec"]["tcp"][0]["route"].take();
        let annotation = &service["metadata"]["annotations"]["owner"];
        let port = &tcp[0]["destination"];
        Ok(format!("{} {} {annotation} {port}", service["spec"], service["metadata"]["labels"]))
    }
}

/// What is not stable's or the candidate's keeps its part of all requests.
fn share_of_legacy(destinations: &Value) -> u64 {
    let all = destinations.as_array().unwrap();
    let weight = |one: &Value| one["weight"].as_u64().unwrap_or(0);
    let legacy = all.iter().filter(|one| one["destination"]["host"] == "legacy").map(weight).sum::<u64>();
    legacy * 1000 / all.iter().map(weight).sum::<u64>().max(1)
}

shepherd_testkit::router_conformance!(services => Fixture::services);
shepherd_testkit::router_conformance!(subsets => Fixture::subsets);
shepherd_testkit::router_conformance!(watched => Fixture::watched);
shepherd_testkit::router_conformance!(tcp => Fixture::tcp);

#[tokio::test]
async fn a_service_that_is_gone_is_off_once_the_rollout_is_taken_back() {
    let fixture = Fixture::services();
    let router = (fixture.router)(&fixture.api);
    router.apply(&on(1, 10)).await.unwrap();
    fixture.api.delete(SERVICES, "web");
    let error = router.observe().await.unwrap_err();
    assert!(error.to_string().contains("VirtualService shop/web"), "{error}");
    router.apply(&off(2)).await.unwrap();
    assert!(router.observe().await.unwrap().exposure.is_off());
}

#[tokio::test]
async fn a_claim_adds_the_candidates_destination_with_weight_0() {
    for (fixture, wanted) in [
        (Fixture::services(), vec![75, 25, 0]),
        (Fixture::subsets(), vec![100, 0]),
        (Fixture::tcp(), vec![100, 0]),
    ] {
        let router = fixture.router();
        router.claim(&on(1, 10).mark.fence).await.unwrap();
        let spec = fixture.api.get(SERVICES, "web")["spec"].clone();
        let route = if wanted.len() == 2 && spec["tcp"][0]["route"].as_array().unwrap().len() == 2 {
            spec["tcp"][0]["route"].clone()
        } else {
            spec["http"][2]["route"].clone()
        };
        // The only one got everything without a weight, and goes on doing so.
        assert_eq!(weights(&route), wanted, "{route}");
        assert!(router.observe().await.unwrap().exposure.is_off());
    }
}

fn weights(route: &Value) -> Vec<u64> {
    route.as_array().unwrap().iter().map(|one| one["weight"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_weight_is_one_write_of_a_few_fields() {
    let fixture = Fixture::services();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    fixture.api.seen();
    router.apply(&on(2, 20)).await.unwrap();
    let seen = fixture.api.seen();
    assert_eq!(seen.len(), 1, "no look before the write: {seen:?}");
    let changed: Vec<_> = seen[0].body.as_array().unwrap().iter().filter(|op| op["op"] != "test").collect();
    assert!(changed.len() <= 4, "{changed:?}");
    let route = fixture.http()[2]["route"].clone();
    assert_eq!(weights(&route), [120, 50, 30], "20% of what is not the third destination's");
    assert_eq!(
        route[2]["destination"],
        json!({"host": "web-candidate.shop.svc.cluster.local", "port": {"number": 80}})
    );
}

#[tokio::test]
async fn a_destination_without_a_weight_has_everything() {
    let fixture = Fixture::subsets();
    let router = fixture.router();
    assert!(router.observe().await.unwrap().exposure.is_off());
    router.apply(&on(1, 10)).await.unwrap();
    let expected = json!([
        {"destination": {"host": "web", "subset": "stable"}, "weight": 90},
        {"destination": {"host": "web", "subset": "candidate"}, "weight": 10},
    ]);
    assert_eq!(fixture.http()[2]["route"], expected);
    let fine = Exposure::weight(Weight::hundredths(1250).unwrap());
    router.apply(&shown(2, fine.clone())).await.unwrap();
    assert_eq!(weights(&fixture.http()[2]["route"]), [8750, 1250]);
    assert_eq!(router.observe().await.unwrap().exposure, fine);
    router.apply(&off(3)).await.unwrap();
    assert_eq!(weights(&fixture.http()[2]["route"]), [100, 0]);
}

#[tokio::test]
async fn requests_are_chosen_by_a_route_of_our_own_before_the_other() {
    let fixture = Fixture::services();
    let router = fixture.router();
    let chosen = shown(1, Exposure::matching([header("X-Beta", "1"), cookie("group", "b")]));
    router.apply(&chosen).await.unwrap();
    assert_eq!(router.observe().await.unwrap().exposure, chosen.exposure);
    let http = fixture.http();
    let ours = json!({
        "name": "shepherd-candidate-2",
        "match": [
            {"uri": {"prefix": "/"}, "headers": {"x-tenant": {"exact": "eu"}, "x-beta": {"exact": "1"}}},
            {"uri": {"prefix": "/"}, "headers": {
                "x-tenant": {"exact": "eu"}, "cookie": {"regex": "^(.*;\\s*)?group=b(;.*)?$"},
            }},
        ],
        "timeout": "10s", "retries": {"attempts": 2},
        "route": [{
            "destination": {"host": "web-candidate.shop.svc.cluster.local", "port": {"number": 80}}, "weight": 1,
        }],
    });
    assert_eq!(http[2], ours);
    let mut theirs = http[3].clone();
    let candidate = theirs["route"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!((&theirs, &candidate["weight"]), (&service()["spec"]["http"][2], &json!(0)));
    let tenant = shown(2, Exposure::matching([header("X-Tenant", "us")]));
    let error = router.apply(&tenant).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unsupported);
    assert!(error.to_string().contains("http route all chooses requests by the header x-tenant"), "{error}");
}

#[tokio::test]
async fn what_people_did_to_our_route_is_taken_off_all_the_same() {
    let fixture = Fixture::services();
    let router = fixture.router();
    router.apply(&beta(1)).await.unwrap();
    let mut http = fixture.http();
    http[3]["match"][0]["headers"] = json!({"x-tenant": {"exact": "us"}});
    fixture.api.merge(SERVICES, "web", &json!({"spec": {"http": http}}));
    let error = router.observe().await.unwrap_err();
    assert!(error.to_string().contains("shepherd-candidate-2"), "{error}");
    router.apply(&off(2)).await.unwrap();
    assert!(router.observe().await.unwrap().exposure.is_off());
    assert_eq!(fixture.http()[2]["match"][0]["headers"], json!({"x-tenant": {"exact": "us"}}));
}

#[tokio::test]
async fn a_mirror_of_somebody_else_is_not_taken_over() {
    let fixture = Fixture::services();
    let mirrored = shown(1, Exposure::OFF.mirrored(Weight::hundredths(1234).unwrap()));
    let router = fixture.router();
    router.apply(&mirrored).await.unwrap();
    assert_eq!(fixture.http()[2]["mirrorPercentage"], json!({"value": 12.34}));
    router.apply(&shown(2, Exposure::OFF.mirrored(Weight::FULL))).await.unwrap();
    assert_eq!(fixture.http()[2]["mirrorPercentage"].to_string(), r#"{"value":100}"#);
    let assets = fixture.router().services("assets", "assets-next");
    let error = assets.apply(&shown(3, Exposure::OFF.mirrored(Weight::FULL))).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unsupported);
    assert!(error.to_string().contains("http route assets copies its requests to another"), "{error}");
}

#[tokio::test]
async fn what_others_write_meanwhile_stays() {
    let fixture = Fixture::services();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    let mut http = fixture.http();
    http.as_array_mut().unwrap().remove(0);
    http[1]["timeout"] = "20s".into();
    fixture.api.meddles(SERVICES, "web", json!({"spec": {"http": http, "hosts": ["new.example"]}}));
    router.apply(&on(2, 50)).await.unwrap();
    let spec = fixture.api.get(SERVICES, "web")["spec"].clone();
    assert_eq!(spec["hosts"], json!(["new.example"]));
    assert_eq!(spec["http"][1]["timeout"], "20s");
    assert_eq!(router.observe().await.unwrap().exposure, on(2, 50).exposure);
}

#[tokio::test]
async fn says_what_the_object_lacks_before_anything_is_changed() {
    let fixture = Fixture::services();
    let before = fixture.http();
    for (router, said) in [
        (fixture.router().services("shop", "next"), "none of its http routes has a destination shop"),
        (
            fixture.router().subsets("web", "v1", "v2"),
            "none of its http routes has a destination web subset v1",
        ),
        (fixture.router().routes_named(["assets"]), "its http route assets has no destination web"),
        (fixture.router().routes_named(["every"]), "it has not all of the http routes named every"),
        (fixture.router().routes_at([7]), "it has not all of the http routes at [7]"),
        (
            VirtualService::tls(fixture.api.client(), "shop", "web"),
            "none of its tls routes has a destination web",
        ),
        (VirtualService::http(fixture.api.client(), "shop", "wbe"), "VirtualService shop/wbe"),
        (fixture.router().api_version("v1beta1"), "create it, or correct its name"),
    ] {
        let error = router.apply(&on(1, 10)).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Permanent, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(fixture.http(), before);
}

#[tokio::test]
async fn several_routes_are_moved_together_when_they_are_named() {
    let mut service = service();
    service["spec"]["http"][1]["route"] = json!([{"destination": {"host": "web"}}]);
    let api = Api::default().with(SERVICES, service);
    let router = VirtualService::http(api.client(), "shop", "web");
    let error = router.apply(&on(1, 10)).await.unwrap_err();
    assert!(error.to_string().contains("2 of its http routes send to web"), "{error}");
    let router = router.routes_named(["assets", "all"]);
    let chosen = beta(2).exposure.with_weight(Weight::percent(10).unwrap());
    router.apply(&shown(2, chosen.clone())).await.unwrap();
    assert_eq!(router.observe().await.unwrap().exposure, chosen);
    let http = api.get(SERVICES, "web")["spec"]["http"].clone();
    let names: Vec<_> =
        http.as_array().unwrap().iter().map(|route| route["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["old", "shepherd-candidate-1", "assets", "shepherd-candidate-2", "all"]);
}

#[tokio::test]
async fn trouble_of_the_server_is_told_by_who_must_act() {
    let fixture = Fixture::services();
    let router = fixture.router();
    router.claim(&on(1, 10).mark.fence).await.unwrap();
    for (code, kind) in [
        (403, FailureKind::Denied),
        (409, FailureKind::Conflict),
        (429, FailureKind::Transient),
        (500, FailureKind::Transient),
    ] {
        // The client itself may try some of them again.
        for _ in 0..9 {
            fixture.api.refuses(code);
        }
        assert_eq!(router.apply(&on(1, 10)).await.unwrap_err().kind(), kind, "{code}");
        fixture.api.forgives();
    }
    fixture.api.loses_the_answer(504);
    drop(router.apply(&on(1, 10)).await);
    assert_eq!(router.observe().await.unwrap().exposure, on(1, 10).exposure);
    router.apply(&on(1, 10)).await.unwrap();
}

#[tokio::test]
async fn a_write_settles_as_long_as_it_is_told() {
    let router = Fixture::services().router();
    assert_eq!(router.capabilities().settle, Duration::from_secs(2));
    assert_eq!(router.settle(Duration::from_secs(9)).capabilities().settle, Duration::from_secs(9));
    assert!(!Fixture::tcp().router().capabilities().mirror);
}
