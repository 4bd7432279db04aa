//! Another image than the one whose rollout was left in the middle: that one gives way first, and people see how.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use crate::gateway::left_in_the_middle;
use crate::whole::only;

#[tokio::test]
async fn it_is_taken_back_as_all_can_see_and_the_other_one_rolled_out() {
    let shop = left_in_the_middle("1s").await;
    let users = shop.load.clone().unwrap().rate(100.0).start();
    let mut program = shop.roll_out("shop:v3", &[]);
    for told in [
        "shop:v2 is under way and gives way first",
        "taken back: ",
        "the candidate's traffic is off",
        "shop:v2 was rolled back: ",
        "10% to the candidate",
    ] {
        program.until(told).await;
    }
    let ended = program.end().await;
    ended.assert_code(0);
    assert!(ended.told.contains("wants shop:v3 instead"), "{ended:#?}");
    assert!(ended.told.ends_with("shop:v3 was promoted"), "{ended:#?}");
    let tally = users.stop().await;
    assert_eq!(tally.failed(), 0, "{tally}");
    only(&shop, "shop:v3").await;
}

#[tokio::test]
async fn one_interrupt_begins_no_other_one() {
    let shop = left_in_the_middle("3s").await;
    let mut program = shop.roll_out("shop:v3", &[]);
    program.until("taken back: ").await;
    program.interrupt().await;
    let ended = program.end().await;
    ended.assert_code(1);
    assert!(ended.told.contains("it is being taken back already ("), "{ended:#?}");
    assert!(ended.told.contains("shop:v2 was rolled back: "), "{ended:#?}");
    only(&shop, "shop:v1").await;
    shop.namespace.ready_pods("app=web-candidate", 0).await.unwrap();
}

#[tokio::test]
async fn a_second_interrupt_leaves_at_once() {
    let shop = left_in_the_middle("10m").await;
    let mut program = shop.roll_out("shop:v3", &[]);
    program.until("the candidate's traffic is off").await;
    program.interrupt().await;
    program.until("asked to end: it is being taken back already (").await;
    program.interrupt().await;
    program.end().await.assert_error(3, "the same command goes on");
    only(&shop, "shop:v1").await;
}

#[tokio::test]
async fn what_cannot_be_rolled_out_ends_nothing() {
    let shop = left_in_the_middle("1s").await;
    shop.roll_out("shop:v3", &["--weights", "50,10"]).end().await.assert_error(2, "10%");
    let users = shop.load.clone().unwrap().send(100).await;
    assert!(users.by("shop:v2") > 0 && users.failed() == 0, "{users}");
}

#[tokio::test]
async fn stables_own_takes_it_back() {
    let shop = left_in_the_middle("1s").await;
    let ended = shop.roll_out("shop:v1", &[]).end().await;
    ended.assert_code(1);
    assert!(ended.told.contains("shop:v1 is wanted again"), "{ended:#?}");
    only(&shop, "shop:v1").await;
}

/// An off that is written to another route takes nobody off.
#[tokio::test]
async fn what_was_begun_through_another_route_is_left_alone() {
    let shop = left_in_the_middle("1s").await;
    for image in ["shop:v2", "shop:v3"] {
        let ended = shop.roll_out(image, &["--route", "other"]).end().await;
        let namespace = shop.namespace.name();
        ended.assert_line(2, &format!("{namespace}/web is under way on HTTPRoute {namespace}/web (from "));
        ended.assert_line(2, &format!("neither go on nor give way on HTTPRoute {namespace}/other (from "));
    }
    let users = shop.load.clone().unwrap().send(100).await;
    assert!(users.by("shop:v2") > 0 && users.failed() == 0, "{users}");
    shop.roll_out("shop:v3", &[]).end().await.assert_code(0);
}

#[tokio::test]
async fn a_dry_run_says_what_is_under_way() {
    let shop = left_in_the_middle("1s").await;
    for (image, told) in [
        ("shop:v1", "shop:v2 is under way, and would be taken back, or finished"),
        ("shop:v2", "shop:v2 is under way already, and would be gone on with:"),
        ("shop:v3", "shop:v2 is under way, and would be taken back, or finished"),
    ] {
        let ended = shop.roll_out(image, &["--dry-run"]).end().await;
        ended.assert_code(0);
        assert!(ended.told.starts_with(told), "{ended:#?}");
    }
    let users = shop.load.clone().unwrap().send(100).await;
    assert!(users.by("shop:v2") > 0 && users.failed() == 0, "{users}");
}

#[tokio::test]
async fn a_damaged_state_is_left_as_it_is() {
    let shop = left_in_the_middle("1s").await;
    let states = shop.namespace.api::<ConfigMap>();
    let kept = ListParams::default().labels("shepherd.rs/store=rollout");
    let state = states.list(&kept).await.unwrap().items.remove(0);
    let damaged: BTreeMap<_, _> = state.data.unwrap().into_keys().map(|key| (key, "garbage")).collect();
    let patch = Patch::Merge(json!({"data": damaged}));
    states.patch(state.metadata.name.as_deref().unwrap(), &PatchParams::default(), &patch).await.unwrap();
    let ended = shop.roll_out("shop:v2", &[]).end().await;
    ended.assert_line(2, "it was left as it is: restore it, or take it away");
}
