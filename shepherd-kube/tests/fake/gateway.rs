use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::{FailureKind, Weight};
use shepherd_core::ports::TrafficRouter;
use shepherd_kube::router::GatewayRoute;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::api::{Api, Objects};
use crate::watching::Looking;
use crate::words::{beta, off, on};

pub(crate) const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes";

/// A route as people write them: two rules, one of them with a third backend, a time-out and a filter.
pub(crate) fn route() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"team": "shop"}},
        "spec": {
            "parentRefs": [{"name": "public"}],
            "hostnames": ["shop.example"],
            "rules": [
                {"name": "assets", "matches": [{"path": {"type": "PathPrefix", "value": "/assets"}}],
                 "backendRefs": [{"name": "assets", "port": 80}]},
                {"name": "all", "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                 "timeouts": {"request": "10s"},
                 "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}}],
                 "backendRefs": [{"name": "web", "port": 80, "weight": 3}, {"name": "old", "port": 80, "weight": 1}]},
            ],
        },
    })
}

/// The controller of the gateway accepts what it sees.
pub(crate) fn accepts(_: &mut Objects, object: &mut Value) {
    if object["kind"] == "HTTPRoute" {
        let seen = object["metadata"]["generation"].clone();
        let condition = |kind| json!({"type": kind, "status": "True", "observedGeneration": seen});
        object["status"] =
            json!({"parents": [{"conditions": [condition("Accepted"), condition("ResolvedRefs")]}]});
    }
}

/// The same, of a route whose candidate has no Service any more.
fn accepts_without_the_candidate(objects: &mut Objects, object: &mut Value) {
    accepts(objects, object);
    if let Some(parent) = object.pointer_mut("/status/parents/0") {
        parent["parentRef"] = json!({"name": "public"});
        let resolved = &mut parent["conditions"][1];
        resolved["status"] = "False".into();
        resolved["reason"] = "BackendNotFound".into();
        resolved["message"] = "service \"web-candidate\" not found".into();
    }
}

struct Fixture(Api);

impl Fixture {
    fn new() -> Self {
        Self(Api::default().controlled(accepts).with(ROUTES, route()))
    }

    fn watched() -> Self {
        Self(Self::new().0.watched())
    }

    fn router(&self) -> GatewayRoute {
        GatewayRoute::http(self.0.client(), "shop", "web").looking(&self.0)
    }

    fn rules(&self) -> Value {
        self.0.get(ROUTES, "web")["spec"]["rules"].clone()
    }
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = GatewayRoute;

    async fn open(&self) -> Opened<GatewayRoute> {
        Ok(self.router())
    }

    async fn bystanders(&self) -> Opened<String> {
        let mut route = self.0.get(ROUTES, "web");
        let mut rules = route["spec"]["rules"].as_array().cloned().unwrap();
        rules.retain(|rule| !rule["name"].as_str().unwrap().starts_with("shepherd"));
        let shares: Vec<_> = rules[1]["backendRefs"].as_array().unwrap().clone();
        let all: u64 = shares.iter().map(|backend| backend["weight"].as_u64().unwrap()).sum();
        let old = shares.iter().find(|backend| backend["name"] == "old").unwrap();
        let share = old["weight"].as_u64().unwrap() * 1000 / all;
        rules[1]["backendRefs"] = share.into();
        let filters = rules[1]["filters"].as_array_mut().unwrap();
        filters.retain(|filter| filter["type"] != "RequestMirror");
        route["spec"]["rules"] = rules.into();
        Ok(format!("{} {}", route["spec"], route["metadata"]["labels"]))
    }
}

shepherd_testkit::router_conformance!(Fixture::new);
shepherd_testkit::router_conformance!(watched => Fixture::watched);

#[tokio::test]
async fn a_weight_is_one_write_of_a_few_fields() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    fixture.0.seen();
    router.apply(&on(2, 20)).await.unwrap();
    let seen = fixture.0.seen();
    assert_eq!(seen.len(), 1, "no look before the write: {seen:?}");
    let changed: Vec<_> = seen[0].body.as_array().unwrap().iter().filter(|op| op["op"] != "test").collect();
    assert!(changed.len() <= 4, "{changed:?}");
    let weights: Vec<_> =
        fixture.rules()[1]["backendRefs"].as_array().unwrap().iter().map(|b| b["weight"].clone()).collect();
    assert_eq!(weights, [24, 10, 6], "the candidate gets 20% of what is not the third backend's");
}

#[tokio::test]
async fn a_candidate_without_its_service_is_not_shown_and_does_not_hold_up_an_off() {
    let fixture = Fixture(Api::default().controlled(accepts_without_the_candidate).with(ROUTES, route()));
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    let seen = router.observe().await.unwrap();
    assert!(!seen.in_effect);
    let why = "Gateway public: ResolvedRefs is False, BackendNotFound: service \"web-candidate\" not found";
    assert_eq!(seen.awaits, Some(why.into()));
    router.apply(&off(2)).await.unwrap();
    let seen = router.observe().await.unwrap();
    assert!(seen.in_effect && seen.exposure.is_off(), "{seen:?}");
}

#[tokio::test]
async fn a_route_that_is_gone_is_missed_until_all_traffic_is_taken_off() {
    for fixture in [Fixture::new(), Fixture::watched()] {
        let router = fixture.router();
        router.apply(&on(1, 10)).await.unwrap();
        fixture.0.delete(ROUTES, "web");
        for missed in [router.apply(&on(2, 20)).await, router.observe().await.map(drop)] {
            let error = missed.unwrap_err();
            assert_eq!(error.kind(), FailureKind::Permanent, "{error}");
            assert!(error.to_string().contains("HTTPRoute shop/web"), "{error}");
        }
        router.apply(&off(3)).await.unwrap();
        let seen = router.observe().await.unwrap();
        assert!(seen.in_effect && seen.exposure.is_off(), "{seen:?}");
        // The next rollout begins with a look for it again.
        assert!(router.claim(&on(1, 10).mark.fence).await.is_err());
        assert!(router.observe().await.is_err());
    }
}

#[tokio::test]
async fn a_route_that_somebody_makes_anew_is_taken_off_too() {
    let fixture = Fixture::new();
    let router = fixture.router();
    fixture.0.delete(ROUTES, "web");
    router.apply(&off(1)).await.unwrap();
    let mut again = route();
    let candidate = json!({"name": "web-candidate", "port": 80, "weight": 4});
    again["spec"]["rules"][1]["backendRefs"].as_array_mut().unwrap().push(candidate);
    fixture.0.keep(ROUTES, again);
    assert!(!router.observe().await.unwrap().exposure.is_off());
    router.apply(&off(2)).await.unwrap();
    assert!(router.observe().await.unwrap().exposure.is_off());
}

#[tokio::test]
async fn a_server_that_refuses_an_off_has_not_done_it() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    fixture.0.refuses(403);
    assert_eq!(router.apply(&off(2)).await.unwrap_err().kind(), FailureKind::Denied);
    fixture.0.forgives();
    assert!(!router.observe().await.unwrap().exposure.is_off());
}

/// What each backend of the rule that is rolled out has.
fn shares(fixture: &Fixture) -> Vec<(String, u64)> {
    let rules = fixture.rules();
    let backends = rules[1]["backendRefs"].as_array().unwrap().iter();
    backends
        .map(|one| (one["name"].as_str().unwrap().to_owned(), one["weight"].as_u64().unwrap_or(1)))
        .collect()
}

fn named<const N: usize>(shares: [(&str, u64); N]) -> Vec<(String, u64)> {
    shares.map(|(name, weight)| (name.to_owned(), weight)).into()
}

#[tokio::test]
async fn a_claim_adds_the_candidates_backend_with_weight_0_in_the_same_write() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.claim(&on(1, 10).mark.fence).await.unwrap();
    let writes: Vec<_> = fixture.0.seen().into_iter().filter(crate::api::Seen::is_write).collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(shares(&fixture), named([("web", 3), ("old", 1), ("web-candidate", 0)]));
    assert_eq!(fixture.rules()[0]["backendRefs"].as_array().unwrap().len(), 1, "of no other rule");
    let seen = router.observe().await.unwrap();
    assert!(seen.exposure.is_off() && seen.mark.is_some(), "{seen:?}");
    router.apply(&on(1, 10)).await.unwrap();
    let seen = fixture.0.seen();
    let added = seen.iter().flat_map(|seen| seen.body.as_array().into_iter().flatten());
    let added: Vec<_> = added.filter(|op| op["op"] == "add").collect();
    assert!(added.is_empty(), "its weight comes alone: {added:?}");
}

#[tokio::test]
async fn a_backend_that_people_took_away_comes_back_before_its_weight() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.claim(&on(1, 10).mark.fence).await.unwrap();
    let mut rules = fixture.rules();
    rules[1]["backendRefs"].as_array_mut().unwrap().pop();
    fixture.0.meddles(ROUTES, "web", json!({"spec": {"rules": rules}}));
    // This write finds out.
    router.apply(&on(1, 50)).await.unwrap();
    assert_eq!(shares(&fixture).len(), 3);
    assert_eq!(router.observe().await.unwrap().exposure, on(1, 50).exposure);
}

#[tokio::test]
async fn a_route_that_cannot_be_read_is_claimed_all_the_same() {
    let fixture = Fixture::new();
    let router = fixture.router().rules_named(["every"]);
    let before = fixture.rules();
    router.claim(&on(1, 10).mark.fence).await.unwrap();
    assert_eq!(fixture.rules(), before);
}

#[tokio::test]
async fn what_others_write_meanwhile_stays() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    let mut rules = fixture.rules();
    rules[1]["timeouts"]["request"] = "20s".into();
    fixture.0.meddles(ROUTES, "web", json!({"spec": {"rules": rules, "hostnames": ["new.example"]}}));
    router.apply(&on(2, 50)).await.unwrap();
    let route = fixture.0.get(ROUTES, "web");
    assert_eq!(route["spec"]["hostnames"], json!(["new.example"]));
    assert_eq!(route["spec"]["rules"][1]["timeouts"]["request"], "20s");
    assert_eq!(router.observe().await.unwrap().exposure.weight, Weight::percent(50).unwrap());
}

#[tokio::test]
async fn backends_that_changed_places_get_their_own_weights() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    let mut rules = fixture.rules();
    rules[1]["backendRefs"].as_array_mut().unwrap().reverse();
    fixture.0.merge(ROUTES, "web", &json!({"spec": {"rules": rules}}));
    router.apply(&on(2, 50)).await.unwrap();
    let backends = fixture.rules()[1]["backendRefs"].clone();
    let of = |name: &str| {
        backends.as_array().unwrap().iter().find(|b| b["name"] == name).unwrap()["weight"].clone()
    };
    assert_eq!(of("web"), of("web-candidate"));
}

fn names(rules: &Value) -> Vec<&str> {
    rules.as_array().unwrap().iter().map(|rule| rule["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_rule_of_ours_is_seen_and_taken_away_wherever_people_moved_it() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.apply(&beta(1)).await.unwrap();
    let mut rules = fixture.rules();
    let ours = rules.as_array_mut().unwrap().remove(1);
    rules.as_array_mut().unwrap().insert(0, ours);
    fixture.0.merge(ROUTES, "web", &json!({"spec": {"rules": rules}}));
    assert_eq!(router.observe().await.unwrap().exposure, beta(1).exposure);
    router.apply(&beta(2)).await.unwrap();
    assert_eq!(names(&fixture.rules()), ["assets", "shepherd-candidate-1", "all"]);
    router.apply(&on(3, 0)).await.unwrap();
    assert_eq!(names(&fixture.rules()), ["assets", "all"]);
}

#[tokio::test]
async fn a_rule_of_ours_follows_the_one_it_was_made_for() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.apply(&beta(1)).await.unwrap();
    let mut rules = fixture.rules();
    rules[2]["timeouts"]["request"] = "20s".into();
    fixture.0.merge(ROUTES, "web", &json!({"spec": {"rules": rules}}));
    router.apply(&beta(2)).await.unwrap();
    assert_eq!(fixture.rules()[1]["timeouts"]["request"], "20s");
}

#[tokio::test]
async fn what_cannot_be_read_is_taken_off_all_the_same() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.apply(&beta(1)).await.unwrap();
    let mut rules = fixture.rules();
    rules[1]["matches"][0]["headers"] = json!([]);
    fixture.0.merge(ROUTES, "web", &json!({"spec": {"rules": rules}}));
    let error = router.observe().await.unwrap_err();
    assert!(error.to_string().contains("shepherd-candidate-1"), "{error}");
    assert!(router.apply(&beta(2)).await.is_err());
    router.apply(&off(3)).await.unwrap();
    assert!(router.observe().await.unwrap().exposure.is_off());
}

#[tokio::test]
async fn says_what_the_route_lacks_before_anything_is_changed() {
    let fixture = Fixture::new();
    let before = fixture.rules();
    for (router, said) in [
        (fixture.router().backends("shop", "shop-next"), "none of its rules has a backend shop"),
        (fixture.router().rules_named(["assets"]), "its rule assets has no backend web"),
        (fixture.router().rules_named(["every"]), "it has not all of the rules named every"),
        (fixture.router().rules_at([7]), "it has not all of the rules at [7]"),
        (GatewayRoute::http(fixture.0.client(), "shop", "wbe"), "HTTPRoute shop/wbe"),
    ] {
        let error = router.apply(&on(1, 10)).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Permanent, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(fixture.rules(), before);
}

#[tokio::test]
async fn trouble_of_the_server_is_told_by_who_must_act() {
    let fixture = Fixture::new();
    let router = fixture.router();
    router.claim(&on(1, 10).mark.fence).await.unwrap();
    for (code, kind) in [
        (403, FailureKind::Denied),
        (409, FailureKind::Conflict),
        (429, FailureKind::Transient),
        (500, FailureKind::Transient),
    ] {
        fixture.0.refuses(code);
        // The client itself may try some of them again.
        for _ in 0..8 {
            fixture.0.refuses(code);
        }
        assert_eq!(router.apply(&on(1, 10)).await.unwrap_err().kind(), kind, "{code}");
        fixture.0.forgives();
    }
    fixture.0.loses_the_answer(504);
    drop(router.apply(&on(1, 10)).await);
    assert_eq!(router.observe().await.unwrap().exposure, on(1, 10).exposure);
    router.apply(&on(1, 10)).await.unwrap();
}
