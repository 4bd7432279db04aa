use serde_json::json;
use shepherd_kube::blue_green::BlueGreenService;
use shepherd_kube::preflight::Severity::{Error, Warning};
use shepherd_kube::preflight::{Preflight, Report};

use super::images::Catalogue;
use super::shop::{AUTOSCALERS, DEPLOYMENTS, SERVICES, Shop, changes, deployment, says, service};
use crate::api::Api;

/// Blue serves, and green has no replicas.
fn shop() -> Shop {
    let mut shop = Shop::sound();
    shop.remove(DEPLOYMENTS, "web");
    for name in ["web", "web-candidate"] {
        shop.remove(SERVICES, name);
    }
    for color in ["blue", "green"] {
        let mut one = deployment(&format!("web-{color}"));
        let labels = json!({"app": "web", "color": color});
        one["spec"]["selector"]["matchLabels"] = labels.clone();
        one["spec"]["template"]["metadata"]["labels"] = labels;
        shop.add(DEPLOYMENTS, one);
    }
    shop.add(SERVICES, service("web", &json!({"app": "web", "color": "blue"})));
    // It still sends to where the rollout before this one had it.
    shop.add(SERVICES, service("web-preview", &json!({"app": "web", "color": "blue"})));
    shop
}

async fn checked(shop: Shop) -> (Api, Report) {
    checked_for(shop, Catalogue::default()).await
}

async fn checked_for(shop: Shop, images: Catalogue) -> (Api, Report) {
    let api = shop.open();
    let web = BlueGreenService::new(api.client(), "shop", "web").preview("web-preview");
    let (router, workload) = (web.router(), web.workload());
    let preflight = Preflight::of(&api.client()).workload(&workload).router(&router);
    let report = preflight.candidate("web:v2".parse().unwrap()).images(images).check().await.unwrap();
    (api, report)
}

#[tokio::test]
async fn nothing_is_found_and_nothing_is_written() {
    let (api, report) = checked(shop()).await;
    assert!(report.findings().is_empty(), "{report}");
    assert!(!api.seen().iter().any(changes));
    assert!(report.to_string().contains("Service shop/web: /spec/selector/color, annotation"), "{report}");
}

#[tokio::test]
async fn a_side_that_was_never_there_is_made_in_rehearsal_only() {
    let mut shop = shop();
    shop.remove(DEPLOYMENTS, "web-green");
    let (api, report) = checked(shop).await;
    assert!(report.findings().is_empty(), "{report}");
    let seen = api.seen();
    let made = seen.iter().filter(|seen| seen.dry && seen.method == "POST" && seen.path == DEPLOYMENTS);
    let images = made.map(|seen| &seen.body["spec"]["template"]["spec"]["containers"][0]["image"]);
    // As it is made, and as it is then.
    assert_eq!(images.collect::<Vec<_>>(), ["web:v1", "web:v2"]);
    assert_eq!(api.list(DEPLOYMENTS).len(), 1);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_found() {
    for made in [false, true] {
        let mut shop = shop();
        if made {
            shop.remove(DEPLOYMENTS, "web-green");
        }
        let (_, report) = checked_for(shop, Catalogue::without("web:v2")).await;
        let what = "the image web:v2 of its container app cannot be pulled: the catalogue has none";
        says(&report, Error, "Deployment shop/web-blue", what, "push it");
    }
}

#[tokio::test]
async fn a_service_of_neither_side_is_named() {
    let mut shop = shop();
    shop.object(SERVICES, "web")["spec"]["selector"]["color"] = "red".into();
    let (_, report) = checked(shop).await;
    says(&report, Error, "Service shop/web", "color=blue or color=green; it says \"red\"", ".label(");
}

#[tokio::test]
async fn a_selector_without_the_color_is_named() {
    let mut shop = shop();
    shop.object(SERVICES, "web")["spec"]["selector"] = json!({"app": "web"});
    let (_, report) = checked(shop).await;
    says(&report, Error, "Service shop/web", "it has no such label", "correct it");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let mut without = shop();
    without.remove(DEPLOYMENTS, "web-blue");
    says(&checked(without).await.1, Error, "Deployment shop/web-blue", "does not exist", "create it");
    let mut without = shop();
    without.remove(SERVICES, "web-preview");
    says(&checked(without).await.1, Error, "Service shop/web-preview", "does not exist", "create it");
}

#[tokio::test]
async fn an_autoscaler_of_a_side_has_no_setting_here() {
    let mut shop = shop();
    let target = json!({"kind": "Deployment", "name": "web-green"});
    shop.add(AUTOSCALERS, json!({"metadata": {"name": "green"}, "spec": {"scaleTargetRef": target}}));
    let (_, report) = checked(shop).await;
    says(&report, Error, "HorizontalPodAutoscaler shop/green", "scales Deployment web-green", "take it away");
}

#[tokio::test]
async fn a_tool_that_applies_the_service_puts_the_color_back() {
    let mut shop = shop();
    shop.object(SERVICES, "web")["metadata"]["labels"] = json!({"argocd.argoproj.io/instance": "shop"});
    let (_, report) = checked(shop).await;
    says(&report, Warning, "Service shop/web", "Argo CD", "jsonPointers: [/spec/selector/color]");
}
