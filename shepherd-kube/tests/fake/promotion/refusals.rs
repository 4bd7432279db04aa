//! What a promotion by a switch cannot live with is refused before anything is changed.

use serde_json::{Value, json};
use shepherd_core::model::FailureKind;
use shepherd_core::ports::Workload;
use shepherd_kube::preflight::{Preflight, Report, Severity};
use shepherd_kube::workload::{DeploymentPair, Labels, PromoteBy};

use super::{first, pair, shop, written};
use crate::api::Api;
use crate::controllers::SERVICES;
use crate::deployment_pair::DEPLOYMENTS;

const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";
const NAMESPACES: &str = "/api/v1/namespaces";

fn settled() -> Api {
    let api = shop(2).with(NAMESPACES, json!({"metadata": {"name": "shop"}}));
    let status = json!({
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2,
    });
    api.merge(
        DEPLOYMENTS,
        "web",
        &json!({"status": status, "spec": {"template": {"spec": {"containers": [{
            "name": "app", "image": "web:v1", "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
        }]}}}}),
    );
    api.merge(DEPLOYMENTS, "web", &json!({"status": {"observedGeneration": 2}}));
    api
}

async fn checked(api: &Api, pair: &DeploymentPair) -> Report {
    Preflight::of(&api.client()).workload(pair).check().await.unwrap()
}

/// The claim says this and changes nothing, and a preflight says it too.
async fn refused(api: &Api, pair: &DeploymentPair, object: &str, why: &str) {
    api.seen();
    let error = pair.claim(&first()).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Permanent);
    let text = error.to_string();
    assert!(text.contains(why) && text.contains(object), "{text}");
    assert!(written(api).is_empty());
    let report = checked(api, pair).await;
    let mut told = report.errors().filter(|one| one.object == object);
    assert!(told.any(|one| one.what.contains(why)), "{report}");
}

#[tokio::test]
async fn a_sound_ground_is_sound() {
    let api = settled();
    let pair = pair(&api, PromoteBy::Switch);
    let report = checked(&api, &pair).await;
    assert!(report.findings().is_empty(), "{report}");
    let text = report.to_string();
    assert!(
        text.contains(
            "Service shop/web: annotation shepherd.rs/mark, annotation shepherd.rs/stable, spec.selector"
        ),
        "{text}"
    );
    pair.claim(&first()).await.unwrap();
}

#[tokio::test]
async fn what_the_pair_was_told() {
    let api = settled();
    let web = "Deployment shop/web";
    let shared = pair(&api, PromoteBy::Switch).labels(Labels::Shared);
    refused(&api, &shared, web, "with `Labels::Shared` no selector of a Service tells").await;
    let autoscaled = pair(&api, PromoteBy::Switch).autoscaled_by("web");
    refused(&api, &autoscaled, web, "its autoscaler would stay with the old Deployment").await;
    let once = pair(&api, PromoteBy::Switch).services("web", "web");
    refused(&api, &once, web, "one was named twice").await;
    let none = DeploymentPair::new(api.client(), "shop", "web").promote_by(PromoteBy::Switch);
    refused(&api, &none, web, "name both with `.services(..)`").await;
}

#[tokio::test]
async fn an_autoscaler_of_either_deployment() {
    for deployment in ["web", "web-candidate"] {
        let target = json!({"kind": "Deployment", "name": deployment});
        let autoscaler = json!({"metadata": {"name": "web"}, "spec": {"scaleTargetRef": target}});
        let api = settled().with(AUTOSCALERS, autoscaler);
        let why = format!("it scales Deployment {deployment}, ");
        refused(&api, &pair(&api, PromoteBy::Switch), "HorizontalPodAutoscaler shop/web", &why).await;
    }
    let other = json!({"metadata": {"name": "api"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}}});
    let api = settled().with(AUTOSCALERS, other);
    pair(&api, PromoteBy::Switch).claim(&first()).await.unwrap();
}

#[tokio::test]
async fn autoscalers_that_may_not_be_listed() {
    let api = settled();
    api.objects_to("/horizontalpodautoscalers", 403, "no list for you");
    let error = pair(&api, PromoteBy::Switch).claim(&first()).await.unwrap_err();
    assert!(error.kind() == FailureKind::Denied && error.to_string().contains("no list for you"), "{error}");
}

#[tokio::test]
async fn a_tool_that_applies_any_of_the_four() {
    let argo = json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:web"}}});
    let helm = json!({"metadata": {"labels": {"helm.sh/chart": "web-1.0"}}});
    let cases: [(&str, &str, &str, &Value, &str); 3] = [
        (DEPLOYMENTS, "web", "Deployment shop/web", &argo, "Argo CD applies it"),
        (SERVICES, "web", "Service shop/web", &helm, "Helm applies it"),
        (SERVICES, "web-candidate", "Service shop/web-candidate", &argo, "Argo CD applies it"),
    ];
    for (collection, name, object, sign, why) in cases {
        let api = settled();
        api.merge(collection, name, sign);
        refused(&api, &pair(&api, PromoteBy::Switch), object, why).await;
    }
    let api = settled();
    let spared = json!({"metadata": {
        "labels": {"kustomize.toolkit.fluxcd.io/name": "shop"},
        "annotations": {"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"},
    }});
    api.merge(DEPLOYMENTS, "web", &spared);
    pair(&api, PromoteBy::Switch).claim(&first()).await.unwrap();
}

#[tokio::test]
async fn a_rollout_that_has_begun_is_gone_on_with() {
    let api = settled();
    pair(&api, PromoteBy::Switch).claim(&first()).await.unwrap();
    api.merge(DEPLOYMENTS, "web", &json!({"metadata": {"labels": {"helm.sh/chart": "web-1.0"}}}));
    pair(&api, PromoteBy::Switch).claim(&crate::words::fence(1, 2)).await.unwrap();
}

#[tokio::test]
async fn a_selector_that_cannot_be_led() {
    for (name, selector, why) in [
        (
            "web",
            json!({"app": null}),
            "\"tier=front\" must catch the pods of Deployment web or web-candidate",
        ),
        ("web-candidate", json!({"app": "wbe"}), "must catch the pods of"),
        (
            "web-candidate",
            json!({"shepherd.rs/track": "candidate"}),
            "names the label shepherd.rs/track, which",
        ),
    ] {
        let api = settled();
        api.merge(SERVICES, name, &json!({"spec": {"selector": selector}}));
        refused(&api, &pair(&api, PromoteBy::Switch), &format!("Service shop/{name}"), why).await;
    }
}

#[tokio::test]
async fn a_preflight_knows_which_deployment_is_stable() {
    let api = settled();
    let by = pair(&api, PromoteBy::Switch);
    by.claim(&first()).await.unwrap();
    by.apply(&super::of(shepherd_core::model::Track::Candidate, "web:v2", 2), &super::on(&first(), 2))
        .await
        .unwrap();
    by.apply(&super::of(shepherd_core::model::Track::Stable, "web:v2", 2), &super::on(&first(), 3))
        .await
        .unwrap();
    by.apply(&super::of(shepherd_core::model::Track::Candidate, "web:v2", 0), &super::on(&first(), 4))
        .await
        .unwrap();
    let status = json!({
        "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2,
    });
    api.merge(DEPLOYMENTS, "web-candidate", &json!({"status": status}));
    let report = checked(&api, &pair(&api, PromoteBy::Switch)).await;
    assert!(report.findings().is_empty(), "{report}");
}

#[tokio::test]
async fn whoever_ships_the_revision_himself_may_be_a_tool() {
    let api = settled();
    api.merge(
        DEPLOYMENTS,
        "web",
        &json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "w"}}}),
    );
    let pair = pair(&api, PromoteBy::External);
    let report = checked(&api, &pair).await;
    assert_eq!(
        report.findings().iter().filter(|one| one.severity == Severity::Warning).count(),
        0,
        "{report}"
    );
    let text = report.to_string();
    assert!(
        text.contains("Deployment shop/web: annotation shepherd.rs/mark, annotation shepherd.rs/until-then, annotation shepherd.rs/wanted\n"),
        "{text}"
    );
    pair.claim(&first()).await.unwrap();
}
