use serde_json::{Value, json};
use shepherd_kube::preflight::Severity::Error;
use shepherd_kube::preflight::{Preflight, Report};
use shepherd_kube::router::VirtualService;
use shepherd_kube::workload::{DeploymentPair, Labels};

use super::shop::{ROUTES, SERVICES, Shop, changes, says};
use crate::api::Api;

const VIRTUAL: &str = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices";
const RULES: &str = "/apis/networking.istio.io/v1/namespaces/shop/destinationrules";

pub(super) fn shop(destination: &Value) -> Shop {
    let mut shop = Shop::sound();
    shop.remove(ROUTES, "web");
    let spec = json!({"hosts": ["web"], "http": [{"route": [{"destination": destination}]}]});
    shop.add(
        VIRTUAL,
        json!({"kind": "VirtualService", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}),
    );
    shop
}

async fn checked(api: &Api, router: &VirtualService, labels: Labels) -> Report {
    let pair = DeploymentPair::new(api.client(), "shop", "web").labels(labels);
    api.seen();
    let report = Preflight::of(&api.client()).workload(&pair).router(router).check().await.unwrap();
    assert!(!api.seen().iter().any(changes));
    report
}

#[tokio::test]
async fn nothing_is_found_of_two_services() {
    let api = shop(&json!({"host": "web.shop.svc.cluster.local"})).open();
    let router = VirtualService::http(api.client(), "shop", "web");
    let report = checked(&api, &router, Labels::Isolated).await;
    assert!(report.findings().is_empty(), "{report}");
}

#[tokio::test]
async fn a_missing_definition_is_named() {
    let api = shop(&json!({"host": "web"})).open();
    api.lacks("networking.istio.io/v1");
    let router = VirtualService::http(api.client(), "shop", "web");
    let report = checked(&api, &router, Labels::Isolated).await;
    let object = "VirtualService of networking.istio.io/v1";
    says(&report, Error, object, "does not know this kind", "correct the API version");
}

#[tokio::test]
async fn a_route_without_stable_is_named() {
    let api = shop(&json!({"host": "api"})).open();
    let router = VirtualService::http(api.client(), "shop", "web");
    let report = checked(&api, &router, Labels::Isolated).await;
    says(
        &report,
        Error,
        "VirtualService shop/web",
        "none of its http routes has a destination web",
        "told of it",
    );
}

#[tokio::test]
async fn a_subset_that_no_rule_names_is_told() {
    let rule = |subsets: Value| json!({"metadata": {"name": "web"}, "spec": {"host": "web.shop", "subsets": subsets}});
    let shop = || {
        let mut shop = shop(&json!({"host": "web", "subset": "stable"}));
        shop.remove(SERVICES, "web-candidate");
        shop
    };
    let mut named = shop();
    named.add(RULES, rule(json!([{"name": "stable"}, {"name": "next"}])));
    let api = named.open();
    let router =
        |api: &Api| VirtualService::http(api.client(), "shop", "web").subsets("web", "stable", "next");
    let report = checked(&api, &router(&api), Labels::Shared).await;
    assert!(report.findings().is_empty(), "{report}");

    let mut lacking = shop();
    lacking.add(RULES, rule(json!([{"name": "stable"}])));
    let api = lacking.open();
    let report = checked(&api, &router(&api), Labels::Shared).await;
    says(&report, Error, "VirtualService shop/web", "names the subset next", "shepherd.rs/track: candidate");
}
