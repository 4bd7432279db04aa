//! Rollout after rollout, with users on fresh and on kept-alive connections all the time. `just soak` makes a hundred of
//! each kind.

use std::time::{Duration, Instant};

use shepherd_core::machine::Ending;
use shepherd_testkit::cluster::Tally;

use crate::shop::{Shop, Way};

/// How many rollouts of each kind.
const ROLLOUTS: &str = "SHEPHERD_SOAK";

fn rollouts() -> usize {
    std::env::var(ROLLOUTS).map_or(3, |count| count.parse().unwrap())
}

#[tokio::test]
async fn switches_through_kube_proxy_lose_no_request() {
    soak(Way::Selector).await;
}

#[tokio::test]
async fn canaries_of_five_stages_through_envoy_lose_no_request() {
    soak(Way::Envoy).await;
}

#[tokio::test]
async fn canaries_of_five_stages_through_nginx_lose_no_request() {
    soak(Way::Nginx).await;
}

async fn soak(way: Way) {
    let shop = Shop::open(way).await;
    let users = shop.users();
    let begun = now();
    let images: Vec<_> = (1..=rollouts() + 1).map(|version| format!("shop:v{version}")).collect();
    let rollout = shop.rollout(Duration::from_millis(100)).build().unwrap();
    for image in &images[1..] {
        let handle = rollout.start(image.parse().unwrap()).await.unwrap();
        let outcome = handle.done().await.unwrap();
        assert_eq!(outcome.ending(), Ending::Promoted, "{image}: {}", outcome.why());
    }
    let took = begun.elapsed();
    let last = &images[images.len() - 1];
    shop.only(last).await;
    // The pods of the side that was before end, and with them the connections that people keep open.
    shop.eventually("users who keep a connection being there too", async || {
        let tally = users.kept.so_far();
        if tally.by(last) > 0 { Ok(()) } else { Err(tally.to_string()) }
    })
    .await;
    let [fresh, kept] = users.none_failed().await;
    println!("{way:?}: {} rollouts in {took:.0?}", rollouts());
    for (kind, tally) in [("fresh", &fresh), ("kept", &kept)] {
        println!("  on {kind} connections: {}", told(tally));
    }
    for image in &images {
        assert!(fresh.by(image) > 0, "nobody met {image}: {fresh}");
    }
}

fn told(tally: &Tally) -> String {
    let (sent, failed, again, slowest) = (tally.sent(), tally.failed(), tally.sent_again(), tally.slowest());
    format!("{failed} of {sent} requests failed, {again} were sent again, the slowest took {slowest:.0?}")
}

#[allow(clippy::disallowed_methods, reason = "real servers live in real time")]
fn now() -> Instant {
    Instant::now()
}
