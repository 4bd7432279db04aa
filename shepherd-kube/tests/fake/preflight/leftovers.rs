//! A rollout of another kind than the one before it.

use serde_json::{Value, json};
use shepherd_kube::preflight::Severity::Error;
use shepherd_kube::preflight::{Preflight, Report};
use shepherd_kube::workload::{DeploymentPair, Labels, PromoteBy};

use super::shop::{DEPLOYMENTS, SERVICES, Shop, assert_is, checked_with, deployment, says};

const MADE: &str = "Deployment shop/web-candidate";

/// What a rollout has made, whose pods have this value of the label by which stable's are selected.
fn made(app: &str, replicas: u32) -> Value {
    let mut made = deployment("web-candidate");
    counted(&mut made, replicas);
    made["spec"]["selector"]["matchLabels"] = json!({"app": app, "shepherd.rs/track": "candidate"});
    made["spec"]["template"]["metadata"]["labels"] =
        json!({"app": app, "tier": "front", "shepherd.rs/track": "candidate"});
    made
}

fn counted(deployment: &mut Value, replicas: u32) {
    deployment["spec"]["replicas"] = replicas.into();
    for field in ["replicas", "updatedReplicas", "availableReplicas"] {
        deployment["status"][field] = replicas.into();
    }
}

fn left(app: &str, replicas: u32) -> Shop {
    let mut shop = Shop::sound();
    shop.add(DEPLOYMENTS, made(app, replicas));
    shop
}

/// A promotion by switch: the two have exchanged their roles and their Services.
fn exchanged() -> Shop {
    let mut shop = left("web-candidate", 2);
    counted(shop.object(DEPLOYMENTS, "web"), 0);
    let service = shop.object(SERVICES, "web");
    service["spec"]["selector"]["app"] = "web-candidate".into();
    service["metadata"]["annotations"] = json!({"shepherd.rs/stable": "web"});
    shop.object(SERVICES, "web-candidate")["spec"]["selector"]["app"] = "web".into();
    shop
}

async fn by_ratio(shop: Shop, service: &str) -> Report {
    let api = shop.open();
    let pair = DeploymentPair::new(api.client(), "shop", "web").labels(Labels::Shared);
    let pair = pair.services(service, service);
    Preflight::of(&api.client()).workload(&pair).check().await.unwrap()
}

async fn by_route(shop: Shop, way: PromoteBy) -> Report {
    checked_with(&shop.open(), |pair| pair.services("web", "web-candidate").promote_by(way)).await
}

#[tokio::test]
async fn a_deployment_for_separate_labels_is_no_reason_to_lead_the_shared_service_away() {
    let report = by_ratio(left("web-candidate", 0), "web").await;
    let remedy = "delete it, and it is made anew: `kubectl delete deployment web-candidate`";
    says(&report, Error, MADE, "other labels than stable's", remedy);
}

#[tokio::test]
async fn a_deployment_for_shared_labels_is_told_alone() {
    for way in [PromoteBy::Copy, PromoteBy::External, PromoteBy::Switch] {
        let report = by_route(left("web", 0), way).await;
        says(&report, Error, MADE, "the labels of stable's", "kubectl delete deployment web-candidate");
    }
}

#[tokio::test]
async fn one_that_still_has_replicas_is_not_simply_to_be_deleted() {
    let report = by_route(left("web", 2), PromoteBy::Copy).await;
    says(&report, Error, MADE, "meant to have 2 replicas", "let the rollout that they are of end");
}

#[tokio::test]
async fn exchanged_roles_are_no_reason_to_send_users_back() {
    for way in [PromoteBy::Copy, PromoteBy::External] {
        let report = by_route(exchanged(), way).await;
        let what = "exchanged the roles of the two Deployments: it leads users to the pods of web-candidate";
        says(&report, Error, "Service shop/web", what, "promote by switch again");
    }
    let mut by_hand = exchanged();
    by_hand.object(SERVICES, "web")["metadata"]["annotations"].take();
    let report = by_route(by_hand, PromoteBy::Copy).await;
    says(&report, Error, "Service shop/web", "it leads users to the pods of web-candidate", "app=web when");
    let report = by_ratio(exchanged(), "web").await;
    says(&report, Error, "Service shop/web", "exchanged the roles", "promote by switch again");
    assert!(by_route(exchanged(), PromoteBy::Switch).await.findings().is_empty());
}

#[tokio::test]
async fn a_service_that_leads_to_no_replicas_at_all_is_led_to_those_that_are_there() {
    let mut shop = left("web-candidate", 0);
    shop.object(SERVICES, "web")["spec"]["selector"]["app"] = "web-candidate".into();
    let report = by_route(shop, PromoteBy::Copy).await;
    let remedy = "make its selector app=web, or name another Service";
    says(&report, Error, "Service shop/web", "no pod of stable's", remedy);
}

#[tokio::test]
async fn the_label_of_shepherds_own_is_in_no_advice() {
    let mut shop = exchanged();
    shop.object(SERVICES, "web-candidate")["spec"]["selector"]["app"] = "next".into();
    let report = by_route(shop, PromoteBy::Switch).await;
    assert!(!report.to_string().contains("shepherd.rs/track"), "{report}");
    assert!(report.errors().any(|one| one.remedy == "make its selector app=web"), "{report}");

    let mut shop = exchanged();
    shop.remove(SERVICES, "web");
    let report = by_ratio(shop, "web").await;
    assert!(!report.to_string().contains("shepherd.rs/track"), "{report}");
}

#[tokio::test]
async fn one_service_of_both_tracks_is_told_no_selector_of_one() {
    let report = by_ratio(left("web-candidate", 0), "nosuch").await;
    let of_service: Vec<_> = report.errors().filter(|one| one.object == "Service shop/nosuch").collect();
    let [found] = of_service[..] else { panic!("{report}") };
    assert_is(found, Error, "Service shop/nosuch", "does not exist", "the selector app=web, or correct");

    let report = checked_with(&Shop::sound().open(), |pair| pair.services("web", "web")).await;
    let found = report.errors().find(|one| one.object == "Service shop/web").unwrap();
    assert_is(
        found,
        Error,
        "Service shop/web",
        "no pod of candidate's",
        "a Service for each of the two tracks",
    );
}
