//! Two processes on one rollout: the first one hangs in the middle of a stage, the second one takes over, and the first
//! one wakes up. Nothing of what it writes from then on gets through.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ListParams};
use shepherd_testkit::cluster::Connections;

use crate::gateway;
use crate::program::Program;
use crate::shop::{DEPLOYER, Shop};
use crate::whole::only;

const SUCCESSOR: &str = "successor";

#[tokio::test]
async fn who_wakes_up_after_its_lease_ran_out_changes_nothing() {
    nothing_of_it_gets_through(&[], false).await;
}

#[tokio::test]
async fn who_wakes_up_after_it_was_stolen_from_changes_nothing() {
    nothing_of_it_gets_through(&["--steal"], false).await;
}

#[tokio::test]
async fn an_abort_of_who_wakes_up_too_late_takes_nobody_off() {
    nothing_of_it_gets_through(&["--steal"], true).await;
}

/// Nobody but the first one knows what it is about then: a second one that claimed the route would leave its users between
/// two versions, with nobody to take them back.
#[tokio::test]
async fn who_comes_to_a_rollout_whose_state_was_deleted_is_refused_and_takes_nothing_over() {
    let shop = gateway::shop().await;
    let mut first = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s", "--process", "first"]);
    first.until("10% to the candidate").await;
    let kept = ListParams::default().labels("shepherd.rs/store=rollout");
    let states = shop.namespace.api::<ConfigMap>();
    let second = loop {
        states.delete_collection(&DeleteParams::default(), &kept).await.unwrap();
        let second = shop.roll_out("shop:v2", &["--process", "second"]).end().await;
        if second.code != Some(3) {
            break second;
        }
        // The first one had something left to be saved, and made its state anew.
        second.assert_error(3, "is driven by");
    };
    let route =
        format!("HTTPRoute {}/web: it sends users to the candidate of the rollout", shop.namespace.name());
    second.assert_line(2, &route);
    second
        .assert_line(2, "where there is none, set the weight of its backend web-candidate to 0; then start");
    first.interrupt().await;
    first.end().await.assert_code(1);
    only(&shop, "shop:v1").await;
    shop.roll_out("shop:v2", &["--process", "second"]).end().await.assert_code(0);
}

/// `aborts` when somebody asks the first one to end while it hangs: what it does on its waking is to take all off.
async fn nothing_of_it_gets_through(takes_over: &[&str], aborts: bool) {
    let shop = gateway::shop().await;
    shop.account(SUCCESSOR).await;
    let load = shop.load.clone().unwrap().rate(100.0);
    let users = [load.clone().start(), load.connections(Connections::Kept).start()];
    let mut first = shop.roll_out("shop:v2", &["--process", "first"]);
    first.until("25% to the candidate").await;
    first.signal("STOP").await;

    let mut second = successor(&shop, takes_over).await;
    second.until("50% to the candidate").await;
    let audit = shop.namespace.cluster().audit();
    let waking = audit.mark().unwrap();
    if aborts {
        first.signal("INT").await;
    }
    first.signal("CONT").await;
    first.end().await.assert_error(3, "another owner has taken over");
    let ended = second.end().await;
    ended.assert_code(0);

    for users in users {
        let tally = users.stop().await;
        assert_eq!(tally.failed(), 0, "{tally}");
    }
    only(&shop, "shop:v2").await;
    let name = shop.namespace.name();
    let late = audit.since(waking).unwrap().by_user(&format!("system:serviceaccount:{name}:{DEPLOYER}"));
    println!("{takes_over:?}, aborts {aborts}: {:?} refused", late.refused().per_resource());
    assert!(late.refused().count() > 0, "it tried nothing: {late:?}");
    for write in &late {
        // That it lives again, and what it did, it may say.
        let harmless = ["leases", "events"].contains(&write.resource.as_str());
        assert!(harmless || write.code >= 400, "{write:?} got through");
    }
}

/// The second one, once it has taken over. Before the first one's Lease has run out, or without stealing, it is refused.
async fn successor(shop: &Shop, takes_over: &[&str]) -> Program {
    loop {
        let arguments =
            [&["web", "shop:v2", "--interval", "500ms", "--drain", "1s", "--process", "second"], takes_over]
                .concat();
        let mut second = shop.run_as(SUCCESSOR, &arguments);
        if second.tells("attached at").await {
            return second;
        }
        second.end().await.assert_error(3, "is driven by");
    }
}
