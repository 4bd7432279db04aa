use serde_json::json;
use shepherd_kube::gate::{
    AutoscalerHeadroom, Endpoints, ImagesPulled, NoCrashLoops, PodsReady, ReplicaCount, Restarts, Tracks,
};
use shepherd_kube::preflight::Severity::Error;
use shepherd_kube::preflight::{Grounded, Preflight, Report};

use super::shop::{AUTOSCALERS, DEPLOYMENTS, Shop, changes, says};
use crate::api::Api;

const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";

/// The shop with all that gates ask about.
fn sound() -> Shop {
    let mut shop = Shop::sound();
    for service in ["web", "web-candidate"] {
        shop.add(
            SLICES,
            json!({"metadata": {"name": service, "labels": {"kubernetes.io/service-name": service}}, "endpoints": []}),
        );
    }
    let target = json!({"kind": "Deployment", "name": "web"});
    shop.add(AUTOSCALERS, json!({"metadata": {"name": "web"}, "spec": {"scaleTargetRef": target}}));
    shop
}

fn gates(api: &Api) -> Vec<Box<dyn Grounded>> {
    let tracks = || Tracks::new(api.client(), "shop", "web");
    vec![
        Box::new(PodsReady::of(tracks())),
        Box::new(ReplicaCount::of(tracks())),
        Box::new(NoCrashLoops::of(tracks())),
        Box::new(Restarts::of(tracks(), 0)),
        Box::new(ImagesPulled::of(tracks())),
        Box::new(Endpoints::of(tracks(), "web", "web-candidate")),
        Box::new(AutoscalerHeadroom::of(tracks())),
    ]
}

async fn checked(api: &Api) -> Report {
    api.seen();
    let (client, gates) = (api.client(), gates(api));
    let preflight = gates.iter().fold(Preflight::of(&client), |all, gate| all.also(&**gate));
    let report = preflight.check().await.unwrap();
    let seen = api.seen();
    assert!(!seen.iter().any(|seen| changes(seen) || seen.dry), "{seen:?}");
    report
}

#[tokio::test]
async fn nothing_is_found_and_nothing_is_written() {
    let report = checked(&sound().open()).await;
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(report.writes().count(), 0, "{report}");
}

#[tokio::test]
async fn each_forbidden_verb_is_named_once_with_its_rule() {
    for (verb, resource) in [
        ("get", "deployments"),
        ("list", "replicasets"),
        ("list", "pods"),
        ("list", "endpointslices"),
        ("list", "horizontalpodautoscalers"),
    ] {
        let api = sound().open();
        api.denies(verb, resource);
        let (what, rule) = (format!("may not {verb} {resource}"), format!(r#""verbs":["{verb}"]}}"#));
        says(&checked(&api).await, Error, "Role in shop", &what, &rule);
    }
}

#[tokio::test]
async fn a_gate_that_could_never_pass_is_found() {
    let mut shop = sound();
    shop.remove(SLICES, "web-candidate");
    let (object, remedy) = ("Service shop/web-candidate", "create the Service");
    says(&checked(&shop.open()).await, Error, object, "no EndpointSlices", remedy);

    let mut shop = sound();
    shop.remove(AUTOSCALERS, "web");
    let (object, remedy) = ("Deployment shop/web", "HorizontalPodAutoscaler");
    says(&checked(&shop.open()).await, Error, object, "no autoscaler scales it", remedy);

    let mut shop = sound();
    shop.remove(DEPLOYMENTS, "web");
    says(&checked(&shop.open()).await, Error, object, "does not exist", "correct its name");

    let mut shop = sound();
    let containers = &mut shop.object(DEPLOYMENTS, "web")["spec"]["template"]["spec"]["containers"];
    containers.as_array_mut().unwrap().push(json!({"name": "proxy", "image": "proxy:v1"}));
    says(&checked(&shop.open()).await, Error, object, "say which of its containers", ".container(");
}
