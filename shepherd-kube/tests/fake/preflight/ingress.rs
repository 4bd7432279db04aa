use serde_json::{Value, json};
use shepherd_kube::preflight::Severity::{Error, Warning};
use shepherd_kube::preflight::{Preflight, Report};
use shepherd_kube::router::IngressCanary;

use super::shop::{NAMESPACES, changes, says};
use crate::api::Api;

const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses";
const CLASSES: &str = "/apis/networking.k8s.io/v1/ingressclasses";

fn ingress(name: &str, service: &str, canary: bool) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "shop",
            "annotations": {"nginx.ingress.kubernetes.io/canary": canary.to_string()},
        },
        "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.example", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}},
        ]}}]},
    })
}

fn class(controller: &str) -> Value {
    json!({"metadata": {"name": "nginx"}, "spec": {"controller": controller}})
}

fn main_alone() -> Api {
    let api = Api::default().with(NAMESPACES, json!({"metadata": {"name": "shop"}}));
    api.with(CLASSES, class("k8s.io/ingress-nginx")).with(INGRESSES, ingress("web", "web", false))
}

pub(super) fn both() -> Api {
    main_alone().with(INGRESSES, ingress("web-candidate", "web-candidate", true))
}

async fn checked(api: &Api, setting: fn(IngressCanary) -> IngressCanary) -> Report {
    let router = setting(IngressCanary::new(api.client(), "shop", "web"));
    api.seen();
    let report = Preflight::of(&api.client()).router(&router).check().await.unwrap();
    assert!(!api.seen().iter().any(changes));
    report
}

#[tokio::test]
async fn nothing_is_found() {
    let report = checked(&both(), |router| router).await;
    assert!(report.findings().is_empty(), "{report}");
    let api = main_alone();
    let report = checked(&api, IngressCanary::made_from_main).await;
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(api.list(INGRESSES).len(), 1);
}

#[tokio::test]
async fn a_canary_that_nobody_makes_is_missed() {
    let report = checked(&main_alone(), |router| router).await;
    says(&report, Error, "Ingress shop/web-candidate", "does not exist", ".made_from_main()");
}

#[tokio::test]
async fn a_main_one_that_is_not_there_is_missed() {
    let report = checked(&both(), |router| router).await;
    assert!(report.findings().is_empty());
    let api = both();
    api.delete(INGRESSES, "web");
    says(
        &checked(&api, |router| router).await,
        Error,
        "Ingress shop/web",
        "does not exist",
        "correct its name",
    );
}

#[tokio::test]
async fn a_canary_of_something_else_is_named_with_its_mistakes() {
    let api = main_alone().with(INGRESSES, ingress("web-candidate", "web", true));
    let report = checked(&api, |router| router).await;
    says(
        &report,
        Error,
        "Ingress shop/web-candidate",
        "which is stable's: send it to web-candidate",
        "correct it",
    );
}

#[tokio::test]
async fn of_a_main_one_that_does_not_serve_stable_no_canary_can_be_made() {
    let report = checked(&main_alone(), |router| router.services("api", "api-next").made_from_main()).await;
    says(&report, Error, "Ingress shop/web", "none of its paths is sent to Service api", ".services(");
}

#[tokio::test]
async fn another_canary_of_the_same_paths_is_named() {
    let api = both().with(INGRESSES, ingress("beta", "beta", true));
    let report = checked(&api, |router| router).await;
    says(&report, Error, "Ingress shop/beta", "another canary of web", "delete it");
}

#[tokio::test]
async fn a_controller_of_another_kind_is_named() {
    let api = both();
    api.merge(CLASSES, "nginx", &class("nginx.org/ingress-controller"));
    let report = checked(&api, |router| router).await;
    says(
        &report,
        Error,
        "IngressClass nginx",
        "its controller is nginx.org/ingress-controller",
        "another router",
    );
    api.delete(CLASSES, "nginx");
    let report = checked(&api, |router| router).await;
    says(&report, Error, "IngressClass nginx", "which does not exist", "correct the class");
    let api = both();
    api.objects_to("/ingressclasses/nginx", 403, "Forbidden");
    says(
        &checked(&api, |router| router).await,
        Warning,
        "IngressClass nginx",
        "cannot be checked",
        "role read it",
    );
}

#[tokio::test]
async fn forbidden_verbs_are_those_of_what_it_does() {
    let api = both();
    api.denies("create", "ingresses");
    assert!(checked(&api, |router| router).await.findings().is_empty());
    let report = checked(&api, IngressCanary::made_from_main).await;
    says(
        &report,
        Error,
        "Role in shop",
        "may not create ingresses.networking.k8s.io",
        r#""verbs":["create"]"#,
    );
}
