//! Whole rollouts, the same on every ground.

use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use shepherd_testkit::cluster::{Behaviour, Connections};

use crate::shop::Shop;

/// What a canary of four replicas tells when it comes to a stage of each kind.
pub(crate) const STAGES_OF_A_CANARY: [&str; 9] = [
    "scale-candidate-1 begins",
    "expose-10% begins",
    "bake-10% begins",
    "25% to the candidate",
    "scale-candidate-2 begins",
    "expose-100% begins",
    "promote begins",
    "return begins",
    "retire-candidate begins",
];

pub(crate) async fn is_promoted_and_loses_no_request(shop: &Shop) {
    let load = shop.load.clone().unwrap();
    let fresh = load.clone().rate(100.0).start();
    let kept = load.clone().connections(Connections::Kept).rate(100.0).start();
    let ended = shop.roll_out("shop:v2", &[]).end().await;
    ended.assert_code(0);
    assert!(ended.told.ends_with("shop:v2 was promoted"), "{ended:#?}");
    for load in [fresh, kept] {
        let tally = load.stop().await;
        println!("{tally}");
        assert!(tally.failed() == 0 && tally.by("shop:v1") > 0, "{tally}");
    }
    only(shop, "shop:v2").await;
    shop.roll_out("shop:v2", &[]).end().await.assert_error(2, "already serves");
    let events = shop.namespace.api::<Event>().list(&ListParams::default()).await.unwrap();
    let promoted = events.iter().filter(|event| event.reason.as_deref() == Some("RolloutPromoted"));
    assert_eq!(promoted.count(), 1);
}

pub(crate) async fn is_rolled_back_with_the_words_of_its_pods(shop: &Shop) {
    let users = shop.load.clone().unwrap().rate(100.0).start();
    let ended = shop.roll_out(&Behaviour::Crashing.image("shop:v2"), &[]).end().await;
    ended.assert_code(1);
    for word in ["rolled back", "CrashLoopBackOff", "exited with 1"] {
        assert!(ended.told.contains(word), "{word}: {ended:#?}");
    }
    let tally = users.stop().await;
    assert_eq!(tally.failed(), 0, "{tally}");
    only(shop, "shop:v1").await;
}

/// Killed as soon as each of these was told, one after the other, and run again each time.
pub(crate) async fn goes_on_after_each_kill(shop: &Shop, told: &[&str]) {
    let load = shop.load.clone().unwrap().rate(100.0);
    let users = [load.clone().start(), load.connections(Connections::Kept).start()];
    for told in told {
        let mut program = shop.roll_out("shop:v2", &[]);
        program.until(told).await;
        program.kill().await;
    }
    let ended = shop.roll_out("shop:v2", &[]).end().await;
    ended.assert_code(0);
    assert!(ended.told.contains("going on with the rollout"), "{ended:#?}");
    for users in users {
        let tally = users.stop().await;
        assert_eq!(tally.failed(), 0, "{tally}");
    }
    only(shop, "shop:v2").await;
}

/// Aborted while it is watched, killed as soon as that was decided and once more when it has gone on, and run again each
/// time. What nobody had kept of the abort is asked for again.
pub(crate) async fn is_taken_back_whenever_it_is_killed(shop: &Shop) {
    let load = shop.load.clone().unwrap().rate(100.0);
    let users = [load.clone().start(), load.connections(Connections::Kept).start()];
    let aborted_at = async |told| {
        let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
        program.until(told).await;
        program.interrupt().await;
        program
    };
    let mut program = aborted_at("bake").await;
    program.until("taken back: aborted by").await;
    program.kill().await;
    aborted_at("going on with the rollout").await.kill().await;
    let ended = aborted_at("going on with the rollout").await.end().await;
    ended.assert_code(1);
    assert!(ended.told.contains("aborted by"), "{ended:#?}");
    for users in users {
        let tally = users.stop().await;
        assert_eq!(tally.failed(), 0, "{tally}");
    }
    only(shop, "shop:v1").await;
}

/// All users are with this image, in the end.
pub(crate) async fn only(shop: &Shop, image: &str) {
    let load = shop.load.clone().unwrap();
    shop.namespace
        .eventually("all users being there", async || {
            let tally = load.clone().send(30).await;
            Ok((tally.by(image) == 30).then_some(()).ok_or(tally.to_string()))
        })
        .await
        .unwrap();
}

/// The same tests for each ground: how its shop is opened, and after what it is killed:
/// once in each kind of stage.
macro_rules! whole_rollouts {
    ($open:expr, killed_at $told:expr) => {
        #[tokio::test]
        async fn a_good_image_is_promoted_and_no_request_is_lost() {
            crate::whole::is_promoted_and_loses_no_request(&$open.await).await;
        }

        #[tokio::test]
        async fn a_crash_looping_image_is_rolled_back_with_the_words_of_its_pods() {
            crate::whole::is_rolled_back_with_the_words_of_its_pods(&$open.await).await;
        }

        #[tokio::test]
        async fn a_program_that_is_killed_in_each_stage_and_run_again_ends_the_same() {
            crate::whole::goes_on_after_each_kill(&$open.await, &$told).await;
        }

        #[tokio::test]
        async fn a_program_that_is_killed_on_the_way_back_and_run_again_takes_all_users_back() {
            crate::whole::is_taken_back_whenever_it_is_killed(&$open.await).await;
        }
    };
}

pub(crate) use whole_rollouts;
