use k8s_openapi::api::core::v1::Service;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::gateway;
use crate::program::Program;
use crate::whole::only;

#[tokio::test]
async fn one_interrupt_takes_all_users_back_and_a_second_leaves_it_to_the_next_run() {
    let shop = gateway::shop().await;
    let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
    program.until("10% to the candidate").await;
    program.interrupt().await;
    program.until("asked to end").await;
    program.interrupt().await;
    let left = program.end().await;
    // The second may come when all is done already.
    assert!(matches!(left.code, Some(1 | 3)), "{left:#?}");
    only(&shop, "shop:v1").await;
    if left.code == Some(3) {
        left.assert_error(3, "the same command goes on");
        shop.roll_out("shop:v2", &[]).end().await.assert_code(1);
    }
}

#[tokio::test]
async fn one_interrupt_ends_with_the_candidate_gone() {
    let shop = gateway::shop().await;
    let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
    program.until("10% to the candidate").await;
    program.interrupt().await;
    let ended = program.end().await;
    ended.assert_code(1);
    assert!(ended.told.contains("aborted"), "{ended:#?}");
    only(&shop, "shop:v1").await;
    shop.namespace.ready_pods("app=web-candidate", 0).await.unwrap();
}

#[tokio::test]
async fn a_way_back_that_waits_for_a_service_says_so() {
    let shop = gateway::shop().await;
    let select = async |selected: &str| {
        let selector = Patch::Merge(json!({"spec": {"selector": {"app": selected}}}));
        let services = shop.namespace.api::<Service>();
        services.patch("web", &PatchParams::default(), &selector).await.unwrap();
    };
    let mut program = shop.run(&["web", "shop:v2", "--interval", "10m", "--drain", "1s"]);
    program.until("10% to the candidate").await;
    select("nobody").await;
    program.until("paused: stable still has users and no replica for them").await;
    program.interrupt().await;
    program
        .until(
            "0 of 4 stable replicas are ready (4 more are, and nothing sends to them: look at the selector",
        )
        .await;
    select("web").await;
    program.end().await.assert_code(1);
    only(&shop, "shop:v1").await;
}

#[tokio::test]
async fn a_full_disk_behind_what_it_prints_leaves_nobody_between_two_versions() {
    let shop = gateway::shop().await;
    let program = env!("CARGO_BIN_EXE_gateway-canary");
    let silent = ["-c", r#"exec "$0" "$@" > /dev/full 2> /dev/full"#, program];
    let asked = ["web", "shop:v2", "--interval", "500ms", "--drain", "1s", "-n", shop.namespace.name()];
    Program::start("sh", &shop.kubeconfig(), &[&silent[..], &asked].concat()).end().await.assert_code(0);
    only(&shop, "shop:v2").await;
}
