use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use shepherd_testkit::cluster::{Behaviour, Cluster, Load};

use crate::program::Program;
use crate::shop::Shop;

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

async fn outcome(shop: &Shop, name: &str, word: &str) {
    let deployments = shop.namespace.api::<Deployment>();
    shop.namespace
        .eventually("the outcome", async || {
            let deployment = deployments.get(name).await.unwrap();
            let said = deployment.annotations().get("example.shepherd/outcome").cloned().unwrap_or_default();
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
