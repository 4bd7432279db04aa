use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::Handle;
use shepherd_core::machine::Ending;
use shepherd_core::model::Weight;
use shepherd_kube::Watches;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::{STEP, ada, image, pair, rollout};
use crate::process::{Fate, Process, Trap};
use crate::shop::{Shop, Way};

/// A process of its own that rolls `shop:v2` out.
async fn begun(shop: &Shop, process: &Process, trap: &Trap, step: Duration) -> Handle {
    let (cluster, namespace) = (Arc::clone(shop.namespace.cluster()), shop.namespace.name().to_owned());
    let trap = trap.clone();
    let work = async move {
        let client = trap.client(&cluster, &namespace);
        let pair = pair(client.clone(), &namespace, PromoteBy::Switch);
        rollout(client, &namespace, pair, step).start(image("shop:v2")).await.unwrap()
    };
    process.run(work).await
}

async fn is_back(shop: &Shop) {
    assert_eq!(shop.exposure().await.weight, Weight::ZERO);
    assert_eq!((shop.app_of("web").await.as_str(), shop.replicas_of("web").await), ("web", 4));
    assert_eq!(shop.replicas_of("web-candidate").await, 0);
    assert_eq!(
        shop.started().await.into_iter().collect::<Vec<_>>(),
        ["shop:v1 of web", "shop:v2 of web-candidate"]
    );
}

async fn is_switched(shop: &Shop) {
    assert_eq!(shop.exposure().await.weight, Weight::ZERO);
    assert_eq!((shop.app_of("web").await.as_str(), shop.replicas_of("web").await), ("web-candidate", 0));
    assert_eq!(
        (shop.app_of("web-candidate").await.as_str(), shop.replicas_of("web-candidate").await),
        ("web", 4)
    );
    assert_eq!(
        shop.started().await.into_iter().collect::<Vec<_>>(),
        ["shop:v1 of web", "shop:v2 of web-candidate"]
    );
}

#[tokio::test]
async fn two_rollouts_lose_no_request_and_start_no_pod_twice() {
    promoted_twice(|pair, _| pair).await;
}

#[tokio::test]
async fn two_rollouts_that_look_by_watches_lose_no_request_either() {
    promoted_twice(DeploymentPair::watching).await;
}

async fn promoted_twice(looking: impl Fn(DeploymentPair, &Watches) -> DeploymentPair) {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let (client, namespace) = (shop.namespace.client(), shop.namespace.name());
    let watches = Watches::new(client.clone());
    for version in ["shop:v2", "shop:v3"] {
        let pair = looking(pair(client.clone(), namespace, PromoteBy::Switch), &watches);
        let handle = rollout(client.clone(), namespace, pair, STEP).start(image(version)).await.unwrap();
        let outcome = handle.done().await.unwrap();
        assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
        let after = shop.load.clone().send(50).await;
        assert_eq!(after.by(version), 50, "{after}");
    }
    users.met(&["shop:v1", "shop:v2", "shop:v3"]).await;
    assert_eq!(
        (shop.app_of("web").await, shop.app_of("web-candidate").await),
        ("web".into(), "web-candidate".into())
    );
    assert_eq!((shop.replicas_of("web").await, shop.replicas_of("web-candidate").await), (4, 0));
    let started: Vec<_> = shop.started().await.into_iter().collect();
    assert_eq!(started, ["shop:v1 of web", "shop:v2 of web-candidate", "shop:v3 of web"]);
}

#[tokio::test]
async fn an_abort_at_the_full_weight_takes_it_back() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let (client, namespace) = (shop.namespace.client(), shop.namespace.name());
    let pair = pair(client.clone(), namespace, PromoteBy::Switch);
    let handle =
        rollout(client, namespace, pair, Duration::from_secs(2)).start(image("shop:v2")).await.unwrap();
    shop.reached(100).await;
    handle.abort(ada(), "no reason").await.unwrap();
    assert_eq!(handle.done().await.unwrap().ending(), Ending::Aborted);
    users.met(&["shop:v1", "shop:v2"]).await;
    is_back(&shop).await;
}

#[tokio::test]
async fn an_abort_after_the_switch_takes_it_back_without_starting_a_pod() {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    // Nobody hears what became of the switch.
    let trap = Trap::after_the_claim("/services/web", "/endpointslices", Fate::Held);
    let process = Process::new();
    let handle = begun(&shop, &process, &trap, STEP).await;
    trap.snaps().await;
    assert_eq!(shop.app_of("web").await, "web-candidate");
    assert_eq!(handle.status().stage.as_str(), "promote");
    handle.abort(ada(), "no reason").await.unwrap();
    trap.open();
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Aborted, "{}", outcome.why());
    users.met(&["shop:v1", "shop:v2"]).await;
    is_back(&shop).await;
    process.kill();
}

/// A process dies when `trap` snaps, and another one goes on.
async fn killed_and_gone_on_with(trap: Trap) {
    let shop = Shop::open(Way::Envoy).await;
    let users = shop.users();
    let process = Process::new();
    begun(&shop, &process, &trap, STEP).await;
    trap.snaps().await;
    process.kill();
    let next = Process::new();
    let handle = begun(&shop, &next, &Trap::none(), STEP).await;
    let outcome = handle.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    users.met(&["shop:v1", "shop:v2"]).await;
    is_switched(&shop).await;
}

#[tokio::test]
async fn killed_before_the_switch_it_is_promoted_all_the_same() {
    killed_and_gone_on_with(Trap::after_the_claim("/services/web", "/services/web", Fate::Held)).await;
}

#[tokio::test]
async fn killed_after_the_switch_it_is_promoted_all_the_same() {
    killed_and_gone_on_with(Trap::after_the_claim("/services/web", "/services/web", Fate::Lost)).await;
}

#[tokio::test]
async fn killed_before_the_old_pods_end_it_is_promoted_all_the_same() {
    killed_and_gone_on_with(Trap::after_the_claim("/deployments/web", "/deployments/web", Fate::Held)).await;
}

#[tokio::test]
async fn killed_after_the_old_pods_ended_it_is_promoted_all_the_same() {
    let path = "/services/web-candidate";
    killed_and_gone_on_with(Trap::after_the_claim(path, path, Fate::Held)).await;
}
