use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use shepherd_testkit::cluster::{Cluster, Connections, Load, Namespace};

async fn shop(host: &str) -> Namespace {
    let shop = Cluster::shared().await.unwrap().namespace("ingress").await.unwrap();
    for (name, image) in [("stable", "shop:v1"), ("canary", "shop:v2")] {
        shop.deployment(name, image, 2).await.unwrap();
        shop.ready_pods(&format!("app={name}"), 2).await.unwrap();
        shop.service(name, name).await.unwrap();
    }
    shop.ingress("web", host, "stable", &[]).await.unwrap();
    shop
}

/// What 100 requests get when none of them is to fail.
async fn canary_of_100(load: &Load) -> u64 {
    let tally = load.clone().send(100).await;
    assert_eq!(tally.failed(), 0, "{tally}");
    tally.by("shop:v2")
}

async fn until(shop: &Namespace, load: &Load, what: &str, is: impl Fn(u64) -> bool) {
    shop.eventually(what, async || {
        let tally = load.clone().send(100).await;
        Ok((tally.with_status(200) == 100 && is(tally.by("shop:v2"))).then_some(()).ok_or(tally.to_string()))
    })
    .await
    .unwrap();
}

async fn set(shop: &Namespace, key: &str, value: &str) {
    let patch =
        json!({ "metadata": { "annotations": { (format!("nginx.ingress.kubernetes.io/{key}")): value } } });
    shop.api::<Ingress>().patch("canary", &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

#[tokio::test]
async fn the_header_decides_before_the_cookie_and_the_cookie_before_the_weight() {
    let nginx = Cluster::shared().await.unwrap().nginx().await.unwrap().clone();
    let shop = shop("order.example").await;
    let load = Load::to(nginx.address()).header("host", "order.example").unwrap();
    until(&shop, &load, "the main Ingress", |canary| canary == 0).await;
    let rules = [
        ("canary", "true"),
        ("canary-by-header", "X-Canary"),
        ("canary-by-cookie", "beta"),
        ("canary-weight", "100"),
    ];
    shop.ingress("canary", "order.example", "canary", &rules).await.unwrap();
    until(&shop, &load, "the weight of 100", |canary| canary == 100).await;

    let with = |header: &str, value: &str| load.clone().header(header, value).unwrap();
    assert_eq!(canary_of_100(&with("x-canary", "never")).await, 0);
    assert_eq!(canary_of_100(&with("cookie", "beta=never")).await, 0);
    assert_eq!(canary_of_100(&with("cookie", "beta=never").header("x-canary", "always").unwrap()).await, 100);
    assert_eq!(canary_of_100(&with("x-canary", "perhaps")).await, 100);
    set(&shop, "canary-weight", "0").await;
    until(&shop, &load, "the weight of 0", |canary| canary == 0).await;
    assert_eq!(canary_of_100(&with("cookie", "beta=always")).await, 100);
}

#[tokio::test]
async fn weights_change_without_a_failed_request() {
    let nginx = Cluster::shared().await.unwrap().nginx().await.unwrap().clone();
    let shop = shop("weight.example").await;
    let load = Load::to(nginx.address()).header("host", "weight.example").unwrap();
    until(&shop, &load, "the main Ingress", |canary| canary == 0).await;
    shop.ingress("canary", "weight.example", "canary", &[("canary", "true"), ("canary-weight", "0")])
        .await
        .unwrap();

    let fresh = load.clone().rate(200.0).start();
    let kept = load.clone().connections(Connections::Kept).rate(200.0).start();
    for weight in ["10", "50", "100"] {
        set(&shop, "canary-weight", weight).await;
        let least = weight.parse::<u64>().unwrap() / 4;
        until(&shop, &load, weight, |canary| canary > least).await;
    }
    until(&shop, &load, "all", |canary| canary == 100).await;
    for load in [fresh, kept] {
        let tally = load.stop().await;
        println!("{tally}");
        assert_eq!(tally.failed(), 0, "{tally}");
    }
}
