use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use shepherd_testkit::cluster::{Behaviour, Cluster, Load};

use crate::program::Program;
use crate::shop::Shop;
use crate::whole::only;

const ROLE: &str = include_str!("../../kubernetes/roles/fleet-operator.yaml");

/// Three services of two pods, `a`, `b` and `c`, of which `a` is behind Envoy.
async fn shop() -> Shop {
    let cluster = Cluster::shared().await.unwrap();
    let gateway = cluster.gateway().await.unwrap();
    let shop = cluster.namespace("fleet").await.unwrap();
    for name in ["a", "b", "c"] {
        shop.deployment(name, "shop:v1", 2).await.unwrap();
        shop.service(name, name).await.unwrap();
        shop.ready_pods(&format!("app={name}"), 2).await.unwrap();
    }
    shop.service("a-candidate", "a-candidate").await.unwrap();
    let host = format!("{}.example", shop.name());
    shop.http_route("a", &host, &[("a", 1), ("a-candidate", 0)]).await.unwrap();
    let load = Load::to(gateway.address()).header("host", &host).unwrap();
    Shop::open(shop, Some(load), env!("CARGO_BIN_EXE_fleet-operator"), ROLE).await
}

fn operator(shop: &Shop) -> Program {
    shop.run(&["--interval", "500ms", "--drain", "1s"])
}

async fn ask(shop: &Shop, name: &str, annotations: Value) {
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    shop.namespace.api::<Deployment>().patch(name, &PatchParams::default(), &patch).await.unwrap();
}

async fn annotation(shop: &Shop, name: &str, annotation: &str) -> Option<String> {
    let deployment = shop.namespace.api::<Deployment>().get(name).await.unwrap();
    deployment.annotations().get(annotation).cloned()
}

async fn outcome(shop: &Shop, name: &str, word: &str) {
    shop.namespace
        .eventually("the outcome", async || {
            let said = annotation(shop, name, "example.shepherd/outcome").await.unwrap_or_default();
            Ok(if said.contains(word) { Ok(()) } else { Err(format!("{name}: {said}")) })
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_annotations_ask_for_is_rolled_out_also_after_a_kill() {
    let shop = shop().await;
    let users = shop.load.clone().unwrap().rate(50.0).start();
    let mut program = operator(&shop);
    program.until("watching").await;
    ask(&shop, "a", json!({"example.shepherd/image": "shop:v2", "example.shepherd/route": "a"})).await;
    ask(&shop, "b", json!({"example.shepherd/image": Behaviour::Crashing.image("shop:v2")})).await;
    program.until("a: 25% to the candidate").await;
    program.kill().await;
    ask(&shop, "c", json!({"example.shepherd/image": "shop:v2"})).await;

    let program = operator(&shop);
    outcome(&shop, "a", "shop:v2 was promoted").await;
    outcome(&shop, "b", "CrashLoopBackOff").await;
    outcome(&shop, "c", "shop:v2 was promoted").await;
    let tally = users.stop().await;
    assert!(tally.failed() == 0 && tally.by("shop:v2") > 0, "{tally}");
    program.interrupt().await;
    let ended = program.end().await;
    ended.assert_code(0);
    assert!(ended.told.ends_with("goes on with the next run"), "{ended:#?}");
}

#[tokio::test]
async fn what_is_under_way_goes_on_after_a_kill_although_nobody_asks_for_it_any_more() {
    let shop = shop().await;
    let mut program = operator(&shop);
    ask(&shop, "a", json!({"example.shepherd/image": "shop:v2", "example.shepherd/route": "a"})).await;
    program.until("a: 10% to the candidate").await;
    program.kill().await;
    ask(&shop, "a", json!({"example.shepherd/image": null})).await;
    let _program = operator(&shop);
    outcome(&shop, "a", "shop:v2 was promoted").await;
    only(&shop, "shop:v2").await;
}

#[tokio::test]
async fn a_rollout_whose_route_is_not_named_any_more_waits_until_it_is() {
    let shop = shop().await;
    let mut program = operator(&shop);
    ask(&shop, "a", json!({"example.shepherd/image": "shop:v2", "example.shepherd/route": "a"})).await;
    program.until("a: 10% to the candidate").await;
    program.kill().await;
    ask(&shop, "a", json!({"example.shepherd/route": null})).await;
    let mut program = operator(&shop);
    program.until("a: shop:v2 is under way and cannot go on: it was begun by a route").await;
    for written in ["example.shepherd/tried", "example.shepherd/outcome"] {
        assert_eq!(annotation(&shop, "a", written).await, None);
    }
    ask(&shop, "a", json!({"example.shepherd/route": "a"})).await;
    outcome(&shop, "a", "shop:v2 was promoted").await;
}

#[tokio::test]
async fn whatever_is_asked_for_in_between_each_rollout_is_told_once() {
    let shop = shop().await;
    let mut program = operator(&shop);
    let asked = async |image| ask(&shop, "c", json!({"example.shepherd/image": image})).await;
    for _ in 0..2 {
        asked("shop:v2").await;
        program.until("c: scale-candidate-1 begins").await;
        asked("shop:v1").await;
        program.until("c: taken back: aborted by fleet-operator: shop:v1 is wanted again").await;
    }
    asked("shop:v2").await;
    program.until("c: promoted").await;
    outcome(&shop, "c", "shop:v2 was promoted").await;
    asked("shop:v3").await;
    program.until("c: scale-candidate-1 begins").await;
    asked("shop:v4").await;
    outcome(&shop, "c", "shop:v4 was promoted").await;
    program.interrupt().await;
    let ended = program.end().await;
    let told = |line| ended.told.lines().filter(|told| *told == line).count();
    assert_eq!([told("c: aborted"), told("c: promoted"), told("c: rolled back")], [2, 2, 1], "{ended:#?}");
}

#[tokio::test]
async fn an_image_that_serves_already_is_no_rollout_and_no_mistake() {
    let shop = shop().await;
    let _program = operator(&shop);
    let _other = shop.run(&["--process", "other"]);
    ask(&shop, "b", json!({"example.shepherd/image": "shop:v1"})).await;
    outcome(&shop, "b", "shop:v1 already serves").await;
    assert_eq!(annotation(&shop, "b", "example.shepherd/tried").await.as_deref(), Some("shop:v1"));
}

#[tokio::test]
async fn a_second_operator_takes_over_and_leaves_the_outcome_of_the_first_one() {
    let shop = shop().await;
    let mut first = operator(&shop);
    first.until("watching").await;
    ask(&shop, "c", json!({"example.shepherd/image": "shop:v2"})).await;
    first.until("c: scale-candidate-1 begins").await;
    let mut second = shop.run(&["--interval", "500ms", "--drain", "1s", "--process", "second"]);
    second.until("drives it; end that one, or wait for its end; tried again every 10 s").await;
    outcome(&shop, "c", "shop:v2 was promoted").await;
    first.kill().await;
    ask(&shop, "c", json!({"example.shepherd/image": "shop:v3"})).await;
    second.until("c: attached at").await;
    outcome(&shop, "c", "shop:v2 was promoted").await;
    outcome(&shop, "c", "shop:v3 was promoted").await;
}

#[tokio::test]
async fn an_account_without_rights_is_told_which_role_it_lacks() {
    let namespace = Cluster::shared().await.unwrap().namespace("fleet").await.unwrap();
    let shop = Shop::open(namespace, None, env!("CARGO_BIN_EXE_fleet-operator"), "").await;
    let remedy = "give this account the Role of examples/kubernetes/roles/fleet-operator.yaml";
    shop.run(&[]).end().await.assert_line(2, remedy);
}
