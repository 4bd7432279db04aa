use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::{Exposure, FailureKind, Traffic, Weight};
use shepherd_core::ports::TrafficRouter;
use shepherd_kube::router::IngressCanary;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;

use crate::api::Api;
use crate::watching::Looking;
use crate::words::{beta, cookie, fence, header, off, on, shown};

const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses";
const PREFIX: &str = "nginx.ingress.kubernetes.io";

fn path(path: &str, service: &str) -> Value {
    json!({"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}})
}

/// As people write it: two hosts, another Service beside, and what other tools look for.
fn main_ingress() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "web", "namespace": "shop",
            "labels": {"argocd.argoproj.io/instance": "shop"},
            "annotations": {
                "cert-manager.io/cluster-issuer": "letsencrypt",
                "nginx.ingress.kubernetes.io/proxy-body-size": "8m",
            },
        },
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": ["shop.example"], "secretName": "shop-tls"}],
            "rules": [
                {"host": "shop.example", "http": {"paths": [path("/", "web"), path("/api", "api")]}},
                {"host": "www.shop.example", "http": {"paths": [path("/", "web")]}},
            ],
        },
    })
}

/// The canary that people made themselves, for one of the hosts.
fn canary_ingress() -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": "web-candidate", "namespace": "shop",
            "labels": {"team": "shop"},
            "annotations": {"owner": "ada", "nginx.ingress.kubernetes.io/canary": "true"},
        },
        "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": "shop.example", "http": {"paths": [path("/", "web-candidate")]}}],
        },
    })
}

struct Fixture {
    api: Api,
    router: fn(&Api) -> IngressCanary,
}

impl Fixture {
    /// The canary is people's.
    fn given() -> Self {
        let router = |api: &Api| IngressCanary::new(api.client(), "shop", "web");
        Self { api: Api::default().with(INGRESSES, main_ingress()).with(INGRESSES, canary_ingress()), router }
    }

    /// The canary is made here.
    fn making() -> Self {
        let router =
            |api: &Api| IngressCanary::new(api.client(), "shop", "web").made_from_main().looking(api);
        Self { api: Api::default().with(INGRESSES, main_ingress()), router }
    }

    fn watched() -> Self {
        let Self { api, router } = Self::making();
        Self { api: api.watched(), router }
    }

    fn router(&self) -> IngressCanary {
        (self.router)(&self.api)
    }

    fn canary(&self) -> Value {
        self.api.get(INGRESSES, "web-candidate")
    }

    /// What the canary says under the controller's prefix.
    fn said(&self, key: &str) -> Value {
        self.canary()["metadata"]["annotations"][format!("{PREFIX}/{key}")].clone()
    }

    /// Somebody annotates the canary.
    fn annotated(&self, key: &str, text: impl Into<Value>) {
        let annotations = json!({format!("{PREFIX}/{key}"): text.into()});
        self.api.merge(INGRESSES, "web-candidate", &json!({"metadata": {"annotations": annotations}}));
    }
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = IngressCanary;

    async fn open(&self) -> Opened<IngressCanary> {
        let router = self.router();
        if self.api.list(INGRESSES).len() == 1 {
            // What a rollout begins with, before it is anybody's.
            router.claim(&fence(1, 1)).await?;
            let unmarked = json!({"metadata": {"annotations": {"shepherd.rs/mark": null}}});
            self.api.merge(INGRESSES, "web-candidate", &unmarked);
        }
        Ok(self.router())
    }

    async fn bystanders(&self) -> Opened<String> {
        let (main, canary) = (self.api.get(INGRESSES, "web"), self.canary());
        let version = &main["metadata"]["resourceVersion"];
        let (labels, owner) = (&canary["metadata"]["labels"], &canary["metadata"]["annotations"]["owner"]);
        Ok(format!("{version} {} {labels} {owner}", canary["spec"]))
    }
}

shepherd_testkit::router_conformance!(given => Fixture::given);
shepherd_testkit::router_conformance!(made => Fixture::making);
shepherd_testkit::router_conformance!(watched => Fixture::watched);

#[tokio::test]
async fn a_weight_is_one_write_of_a_few_fields() {
    let fixture = Fixture::given();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    fixture.api.seen();
    router.apply(&on(2, 20)).await.unwrap();
    let seen = fixture.api.seen();
    assert_eq!(seen.len(), 1, "no look before the write: {seen:?}");
    let changed: Vec<_> = seen[0].body.as_array().unwrap().iter().filter(|op| op["op"] != "test").collect();
    assert_eq!(changed.len(), 2, "the weight and the mark: {changed:?}");
    assert_eq!(
        (fixture.said("canary-weight"), fixture.said("canary-weight-total")),
        ("20".into(), Value::Null)
    );
}

#[tokio::test]
async fn what_is_no_whole_percent_is_out_of_ten_thousand() {
    let fixture = Fixture::given();
    let router = fixture.router();
    let fine = shown(1, Exposure::weight(Weight::hundredths(1250).unwrap()));
    router.apply(&fine).await.unwrap();
    assert_eq!(
        (fixture.said("canary-weight"), fixture.said("canary-weight-total")),
        ("1250".into(), "10000".into())
    );
    router.apply(&on(2, 25)).await.unwrap();
    assert_eq!(
        (fixture.said("canary-weight"), fixture.said("canary-weight-total")),
        ("25".into(), "100".into())
    );
    let whole = fixture.router().whole_percents();
    let error = whole.apply(&shown(3, fine.exposure)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unsupported);
    assert_eq!(whole.capabilities().finest_weight, Weight::percent(1).unwrap());
}

#[tokio::test]
async fn off_clears_the_weight_and_what_requests_are_chosen_by() {
    let fixture = Fixture::given();
    let router = fixture.router();
    let chosen = Exposure::matching([cookie("group", "always"), header("X-Beta", "1")]);
    router.apply(&shown(1, chosen.clone().with_weight(Weight::percent(5).unwrap()))).await.unwrap();
    assert_eq!(fixture.said("canary-by-header"), "X-Beta");
    assert_eq!(fixture.said("canary-by-header-value"), "1");
    assert_eq!(fixture.said("canary-by-cookie"), "group");
    router.apply(&off(2)).await.unwrap();
    let left: Vec<_> =
        fixture.canary()["metadata"]["annotations"].as_object().unwrap().keys().cloned().collect();
    let expected =
        ["nginx.ingress.kubernetes.io/canary", "nginx.ingress.kubernetes.io/canary-weight", "owner"];
    assert_eq!(left[..3], expected);
    assert_eq!(left[3..], ["shepherd.rs/mark"]);
    assert_eq!((fixture.said("canary"), fixture.said("canary-weight")), ("true".into(), "0".into()));
}

#[tokio::test]
async fn whatever_people_did_to_the_canary_is_seen_and_taken_off() {
    for (key, text) in [
        ("canary", Value::Null),
        ("canary-weight", "lots".into()),
        ("canary-weight", "50".into()),
        ("canary-by-header-pattern", ".*".into()),
        ("canary-by-cookie", "group".into()),
    ] {
        let fixture = Fixture::given();
        let router = fixture.router();
        router.claim(&fence(1, 1)).await.unwrap();
        router.apply(&beta(1)).await.unwrap();
        fixture.annotated("canary-by-header-value", Value::Null);
        fixture.annotated(key, text.clone());
        assert_ne!(router.observe().await.unwrap().exposure, beta(1).exposure, "{key}: {text}");
        router.claim(&fence(1, 2)).await.unwrap();
        let mut taken_off = off(2);
        taken_off.mark.fence = fence(1, 2);
        router.apply(&taken_off).await.unwrap();
        assert!(router.observe().await.unwrap().exposure.is_off());
        assert_eq!(fixture.said("canary"), "true");
        assert_eq!(fixture.said("canary-by-header-pattern"), Value::Null);
    }
}

#[tokio::test]
async fn what_others_write_meanwhile_stays() {
    let fixture = Fixture::given();
    let router = fixture.router();
    router.apply(&on(1, 10)).await.unwrap();
    let notes = json!({"owner": "bob", format!("{PREFIX}/canary-weight"): "11"});
    fixture.api.meddles(
        INGRESSES,
        "web-candidate",
        json!({"metadata": {"annotations": notes, "labels": {"a": "b"}}}),
    );
    router.apply(&on(2, 50)).await.unwrap();
    let canary = fixture.canary();
    assert_eq!(canary["metadata"]["annotations"]["owner"], "bob");
    assert_eq!(canary["metadata"]["labels"], json!({"team": "shop", "a": "b"}));
    assert_eq!(router.observe().await.unwrap().exposure, on(2, 50).exposure);
}

#[tokio::test]
async fn a_canary_that_is_none_of_the_main_one_is_refused_when_a_rollout_begins() {
    let fixture = Fixture::given();
    let mut spec = fixture.canary()["spec"].clone();
    spec["ingressClassName"] = "internal".into();
    spec["rules"][0]["http"]["paths"] = json!([path("/", "web"), path("/old", "web-candidate")]);
    fixture.api.merge(INGRESSES, "web-candidate", &json!({"spec": spec}));
    fixture.annotated("canary", "false");
    let before = fixture.canary();
    let error = fixture.router().claim(&fence(1, 1)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Permanent);
    for said in [
        "Ingress shop/web-candidate",
        "it is no canary: annotate it nginx.ingress.kubernetes.io/canary: \"true\"",
        "its class is internal, and that of Ingress web is nginx",
        "it sends shop.example/ (Prefix) to web, which is stable's: send it to web-candidate",
        "Ingress web does not serve shop.example/old (Prefix)",
    ] {
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    assert_eq!(fixture.canary(), before);
}

#[tokio::test]
async fn an_older_owner_is_fenced_off_before_anything_is_said_of_mistakes() {
    let fixture = Fixture::given();
    fixture.router().claim(&fence(2, 5)).await.unwrap();
    fixture.annotated("canary", "false");
    let error = fixture.router().claim(&fence(1, 1)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Fenced, "{error}");
}

#[tokio::test]
async fn the_canary_is_made_with_its_mark_and_shows_the_candidate_to_nobody() {
    let fixture = Fixture::making();
    let router = fixture.router();
    assert!(router.observe().await.unwrap().exposure.is_off());
    fixture.api.seen();
    router.claim(&fence(1, 1)).await.unwrap();
    let writes = fixture.api.seen().iter().filter(|seen| seen.is_write()).count();
    assert_eq!(writes, 1, "the mark is in the same write");
    let canary = fixture.canary();
    let main = fixture.api.get(INGRESSES, "web");
    let mut spec = main["spec"].clone();
    spec["rules"] = json!([
        {"host": "shop.example", "http": {"paths": [path("/", "web-candidate")]}},
        {"host": "www.shop.example", "http": {"paths": [path("/", "web-candidate")]}},
    ]);
    assert_eq!(canary["spec"], spec);
    assert_eq!(canary["metadata"]["labels"], json!({"shepherd.rs/track": "candidate"}));
    let annotations = canary["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.len(), 3, "{annotations:?}");
    assert_eq!((fixture.said("canary"), fixture.said("canary-weight")), ("true".into(), "0".into()));
    assert_eq!(canary["metadata"]["ownerReferences"][0]["uid"], main["metadata"]["uid"]);
    let routing = router.observe().await.unwrap();
    assert!(routing.exposure.is_off());
    assert_eq!(routing.mark.unwrap().fence, fence(1, 1));
}

#[tokio::test]
async fn users_do_not_stay_with_the_candidate_by_their_session() {
    let fixture = Fixture::making();
    let sticky = json!({"metadata": {"annotations": {format!("{PREFIX}/affinity"): "cookie"}}});
    fixture.api.merge(INGRESSES, "web", &sticky);
    fixture.router().claim(&fence(1, 1)).await.unwrap();
    assert_eq!(fixture.said("affinity-canary-behavior"), "legacy");
    let given = Fixture::given();
    given.api.merge(INGRESSES, "web", &sticky);
    let error = given.router().claim(&fence(1, 1)).await.unwrap_err();
    assert!(error.to_string().contains("affinity-canary-behavior: legacy"), "{error}");
}

#[tokio::test]
async fn a_canary_that_was_made_follows_the_main_one_at_the_next_rollout() {
    let fixture = Fixture::making();
    fixture.router().claim(&fence(1, 1)).await.unwrap();
    let mut rules = main_ingress()["spec"]["rules"].clone();
    rules[1]["host"] = "new.shop.example".into();
    fixture.api.merge(INGRESSES, "web", &json!({"spec": {"rules": rules}}));
    fixture.router().claim(&fence(1, 2)).await.unwrap();
    assert_eq!(fixture.canary()["spec"]["rules"][1]["host"], "www.shop.example", "not in the middle of one");
    fixture.router().claim(&fence(2, 3)).await.unwrap();
    assert_eq!(fixture.canary()["spec"]["rules"][1]["host"], "new.shop.example");
}

#[tokio::test]
async fn a_canary_that_is_gone_is_off_and_is_not_made_by_a_raise() {
    for fixture in [Fixture::making(), Fixture::given()] {
        let router = fixture.router();
        router.claim(&fence(1, 1)).await.unwrap();
        router.apply(&on(1, 10)).await.unwrap();
        fixture.api.delete(INGRESSES, "web-candidate");
        assert!(router.observe().await.unwrap().exposure.is_off());
        assert_eq!(router.apply(&on(2, 20)).await.unwrap_err().kind(), FailureKind::Permanent);
        router.apply(&off(3)).await.unwrap();
        assert!(router.observe().await.unwrap().exposure.is_off());
    }
    let fixture = Fixture::making();
    let router = fixture.router();
    router.apply(&off(3)).await.unwrap();
    assert_eq!(router.observe().await.unwrap().mark.unwrap().traffic, Traffic::Off);
    assert_eq!(router.apply(&on(4, 20)).await.unwrap_err().kind(), FailureKind::Fenced);
}

#[tokio::test]
async fn says_what_is_missing() {
    let fixture = Fixture::given();
    let client = || fixture.api.client();
    for (router, said) in [
        (IngressCanary::new(client(), "shop", "wbe").canary("web-candidate"), "Ingress shop/wbe"),
        (IngressCanary::new(client(), "shop", "web").canary("web-canary"), "Ingress shop/web-canary"),
        (
            IngressCanary::new(client(), "shop", "web")
                .canary("new")
                .services("shop", "next")
                .made_from_main(),
            "Ingress shop/web: none of its paths is sent to Service shop",
        ),
    ] {
        let error = router.claim(&fence(1, 1)).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Permanent, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(fixture.api.list(INGRESSES).len(), 2);
}

#[tokio::test]
async fn another_prefix_and_another_settling_time_can_be_told() {
    let fixture = Fixture::making();
    let router = fixture.router().annotations_prefix("ingress.shop.example").settle(Duration::from_secs(5));
    router.claim(&fence(1, 1)).await.unwrap();
    router.apply(&on(1, 10)).await.unwrap();
    let annotations = fixture.canary()["metadata"]["annotations"].clone();
    assert_eq!(annotations["ingress.shop.example/canary"], "true");
    assert_eq!(annotations["ingress.shop.example/canary-weight"], "10");
    assert_eq!(router.capabilities().settle, Duration::from_secs(5));
    assert_eq!(fixture.router().capabilities().settle, Duration::from_secs(1));
}

#[tokio::test]
async fn trouble_of_the_server_is_told_by_who_must_act() {
    let fixture = Fixture::making();
    let router = fixture.router();
    fixture.api.loses_the_answer(504);
    drop(router.claim(&fence(1, 1)).await);
    router.claim(&fence(1, 1)).await.unwrap();
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
