use std::time::Duration;

use serde_json::json;
use shepherd_core::model::{FailureKind, Replicas};
use shepherd_core::ports::{Clock, SystemClock, Workload};
use shepherd_kube::Watches;
use shepherd_kube::workload::DeploymentPair;

use super::{api, asked, eventually, pair, passes, scaled};
use crate::api::Api;
use crate::controllers::SETS;
use crate::deployment_pair::DEPLOYMENTS;

async fn desired(pair: &DeploymentPair) -> u32 {
    u32::try_from(u64::from(pair.observe().await.unwrap().stable.desired.get())).unwrap()
}

/// From now on looks ask the server for nothing.
async fn is_warm(api: &Api, pair: &DeploymentPair) {
    eventually(async || asked(api, desired(pair)).await.1.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_believed_for_twenty_seconds_at_most() {
    let api = api();
    let pair = pair(&api);
    is_warm(&api, &pair).await;
    let began = SystemClock::new();
    api.silences_watches();
    scaled(&api, 9);
    eventually(async || desired(&pair).await == 9).await;
    let believed = Duration::from_millis(began.now().elapsed.as_millis());
    assert!(believed <= Duration::from_millis(20_100), "{believed:?}");
    is_warm(&api, &pair).await;
    assert_eq!(desired(&pair).await, 9);
}

#[tokio::test(start_paused = true)]
async fn after_an_error_everything_is_listed_before_anything_is_believed() {
    for breaks in [Api::cuts_watches, Api::expires_watches] {
        let api = api();
        let pair = pair(&api);
        is_warm(&api, &pair).await;
        api.is_down(Some(503));
        breaks(&api);
        // Until then the watch may still tell.
        eventually(async || pair.observe().await.is_err()).await;
        assert_eq!(pair.observe().await.unwrap_err().kind(), FailureKind::Transient);
        scaled(&api, 9);
        api.is_down(None);
        assert_eq!(desired(&pair).await, 9, "the server is asked at once");
        is_warm(&api, &pair).await;
        assert_eq!(desired(&pair).await, 9);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_the_server_ends_goes_on_where_it_was() {
    let api = api();
    let pair = pair(&api);
    is_warm(&api, &pair).await;
    for replicas in [5, 6, 7] {
        passes(15).await;
        api.seen();
        api.ends_watches();
        scaled(&api, replicas);
        eventually(async || desired(&pair).await == replicas).await;
        let seen = api.seen();
        assert!(seen.iter().all(|seen| seen.watches), "nothing is listed or read: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_cannot_go_on_everything_is_listed_anew() {
    let api = api();
    let pair = pair(&api);
    is_warm(&api, &pair).await;
    passes(15).await;
    api.silences_watches();
    scaled(&api, 6);
    scaled(&api, 9);
    api.compacts();
    api.ends_watches();
    eventually(async || desired(&pair).await == 9).await;
    is_warm(&api, &pair).await;
    assert_eq!(desired(&pair).await, 9);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_else_changes_one_list_ends_the_asking() {
    let api = api();
    let pair = pair(&api);
    is_warm(&api, &pair).await;
    // Its controller does nothing about this, so the watch of its sets tells of nothing.
    api.merge(DEPLOYMENTS, "web", &json!({"spec": {"minReadySeconds": 3}}));
    eventually(async || !asked(&api, desired(&pair)).await.1.is_empty()).await;
    passes(14).await;
    let (_, seen) = asked(&api, desired(&pair)).await;
    assert!(seen.iter().all(|seen| seen.path == SETS) && !seen.is_empty(), "{seen:?}");
    api.ends_watches();
    is_warm(&api, &pair).await;
}

#[tokio::test(start_paused = true)]
async fn a_bookmark_is_a_sign_of_life() {
    let api = api();
    let pair = pair(&api);
    is_warm(&api, &pair).await;
    for _ in 0..4 {
        passes(12).await;
        api.bookmarks();
        passes(3).await;
        api.ends_watches();
        let (_, seen) = asked(&api, desired(&pair)).await;
        assert!(seen.is_empty(), "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_before_the_first_look_and_all_ends_with_the_last_adapter() {
    let api = api();
    let pair = pair(&api);
    tokio::task::yield_now().await;
    assert!(api.seen().is_empty());
    is_warm(&api, &pair).await;
    assert!(api.open_watches() > 0);
    let watches = Watches::new(api.client());
    let own = DeploymentPair::new(api.client(), "shop", "web").container("app").watching(&watches);
    let before = api.open_watches();
    is_warm(&api, &own).await;
    assert!(api.open_watches() > before);
    drop(watches);
    is_warm(&api, &own).await;
    drop(own);
    eventually(async || api.open_watches() == before).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_nobody_looks_at_ends_and_is_opened_again() {
    let api = api();
    let pair = pair(&api);
    is_warm(&api, &pair).await;
    for _ in 0..12 {
        passes(15).await;
        api.ends_watches();
    }
    eventually(async || api.open_watches() == 0).await;
    scaled(&api, 9);
    assert_eq!(desired(&pair).await, 9);
    is_warm(&api, &pair).await;
    assert_eq!(pair.observe().await.unwrap().stable.desired, Replicas::new(9));
}
