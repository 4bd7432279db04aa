//! Images that are no good: each is taken back with what its pods say, and no user ever meets it.

use std::time::Duration;

use serde_json::json;
use shepherd_core::machine::Ending;
use shepherd_testkit::cluster::Behaviour;

use crate::shop::{Shop, Way};

/// The words of their pods that people are told. How long pods that say nothing else may take is the Deployment's to
/// know: 12 s here, long enough for the others to say it; the last one needs a minute.
const BROKEN: [(&[Behaviour], &[&str]); 5] = [
    (&[Behaviour::Crashing], &["CrashLoopBackOff", "exited with 1"]),
    (&[Behaviour::OutOfMemory], &["CrashLoopBackOff", "OOMKilled"]),
    (&[Behaviour::Unpullable], &["ImagePullBackOff", "Back-off pulling image \"shop:v2-unpullable\""]),
    (&[Behaviour::Unready], &["ProgressDeadlineExceeded", "containers with unready status: [app"]),
    (&[Behaviour::SlowStart; 12], &["ProgressDeadlineExceeded", "containers with unready status: [app"]),
];

#[tokio::test]
async fn no_broken_image_meets_a_user_of_a_canary() {
    all_are_taken_back(Way::Envoy, &["web"]).await;
}

#[tokio::test]
async fn no_broken_image_meets_a_user_of_blue_and_green() {
    all_are_taken_back(Way::Selector, &["web-blue", "web-green"]).await;
}

async fn all_are_taken_back(way: Way, deployments: &[&str]) {
    let shop = Shop::open(way).await;
    for deployment in deployments {
        shop.patch(deployment, json!({"spec": {"progressDeadlineSeconds": 12}})).await;
    }
    let users = shop.users();
    for (behaviours, words) in BROKEN {
        let image = behaviours.iter().fold("shop:v2".to_owned(), |image, behaviour| behaviour.image(&image));
        let outcome = shop.start(&image, Duration::from_millis(100)).await.done().await.unwrap();
        let why = outcome.why();
        println!("{image}: {why}");
        assert_eq!(outcome.ending(), Ending::RolledBack, "{image}: {why}");
        for word in words {
            assert!(why.contains(word), "{image}: no {word:?} in {why:?}");
        }
    }
    for tally in users.none_failed().await {
        assert_eq!(tally.by("shop:v1"), tally.sent(), "{tally}");
    }
}
