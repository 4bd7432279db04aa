use hyper::{HeaderMap, StatusCode};

use super::{World, in_time, split};
use crate::ground::client::get;
use crate::ground::status::TrackStatus;
use crate::ground::track::Track;

#[tokio::test]
async fn what_is_asked_for_is_seen_at_once_and_becomes_ready_later() {
    let world = World::new(split(0)).await;
    assert_eq!(world.pool.observe(Track::Stable), TrackStatus::default());
    world.set(Track::Stable, "v1", 3);
    let status = world.pool.observe(Track::Stable);
    assert_eq!((status.revision.as_deref(), status.desired, status.ready), (Some("v1"), 3, 0));
    world.settled().await;
    let status = world.pool.observe(Track::Stable);
    assert_eq!((status.ready, status.old, status.addrs.len()), (3, 0, 3));
    for addr in status.addrs {
        assert_eq!(get(addr, "/healthz").await.expect("an answer").status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn asking_again_for_the_same_changes_nothing() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "v1", 2);
    world.settled().await;
    let before = world.pool.observe(Track::Stable);
    world.set(Track::Stable, "v1", 2);
    world.settled().await;
    assert_eq!(world.pool.observe(Track::Stable), before);
}

#[tokio::test]
async fn a_new_revision_never_takes_a_server_away_before_its_own_is_ready() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "v1", 3);
    world.settled().await;
    world.set(Track::Stable, "v2", 3);
    in_time(world.pool.until(|pool| {
        let status = pool.observe(Track::Stable);
        assert!((3..=4).contains(&(status.ready + status.old)), "{status:?}");
        pool.is_settled()
    }))
    .await;
    assert_eq!(world.pool.observe(Track::Stable).ready, 3);
}

#[tokio::test]
async fn a_revision_that_does_not_exist_is_told_and_replaces_nothing() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "v1", 2);
    world.settled().await;
    world.set(Track::Stable, "v9", 2);
    let status = world.pool.observe(Track::Stable);
    assert_eq!(status.failing.as_deref(), Some("there is no revision v9"));
    assert_eq!((status.ready, status.old), (0, 2));
    assert!(get(world.proxy.addr(), "/").await.expect("an answer").status().is_success());
}

/// Returns once the only server has a request in flight besides the one by which that is found out.
async fn another_request(world: &World) {
    let alone = || {
        let pick = world.switchboard.pick(&HeaderMap::new());
        pick.backend.is_none_or(|backend| backend.in_flight() == 1)
    };
    while alone() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_its_server_goes() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "slow", 1);
    world.settled().await;
    let in_flight = tokio::spawn(get(world.proxy.addr(), "/"));
    in_time(another_request(&world)).await;
    world.set(Track::Stable, "slow", 0);
    in_time(world.pool.until(|pool| pool.observe(Track::Stable).draining == 1)).await;
    assert_eq!(get(world.proxy.addr(), "/").await.expect("an answer").status(), 503);
    assert!(!in_flight.is_finished());
    assert_eq!(in_flight.await.expect("no panic").expect("an answer").status(), 200);
    world.settled().await;
}

#[tokio::test]
async fn a_crash_is_seen_is_counted_and_is_followed_by_a_restart() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "crashing", 1);
    world.settled().await;
    let mut failed = 0;
    for _ in 0..5 {
        let status = get(world.proxy.addr(), "/").await.expect("an answer").status();
        failed += u64::from(status == StatusCode::BAD_GATEWAY);
    }
    assert_eq!((failed, world.proxy.counts().stable.failed), (1, 1));
    let mut status = TrackStatus::default();
    in_time(world.pool.until(|pool| {
        status = pool.observe(Track::Stable);
        status.failing.is_some()
    }))
    .await;
    assert_eq!((status.ready, status.crashes), (0, 1), "{status:?}");
    let reason = status.failing.expect("failing");
    assert_eq!(reason, "crashed once: crashing died at request 5");
    in_time(world.pool.until(|pool| pool.observe(Track::Stable).ready == 1)).await;
    assert_eq!(world.pool.observe(Track::Stable).crashes, 1);
}

#[tokio::test]
async fn a_crash_loop_can_be_scaled_away() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "crashing", 2);
    world.settled().await;
    let load = world.load(300, 8);
    in_time(world.pool.until(|pool| pool.observe(Track::Stable).crashes >= 4)).await;
    world.set(Track::Stable, "v1", 2);
    world.settled().await;
    assert!(load.stop().await.failed > 0);
    assert!(get(world.proxy.addr(), "/").await.expect("an answer").status().is_success());
}

#[tokio::test]
async fn a_shutdown_leaves_no_server_behind() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "v1", 2);
    world.set(Track::Candidate, "v2", 1);
    world.settled().await;
    let addrs =
        [world.pool.observe(Track::Stable).addrs, world.pool.observe(Track::Candidate).addrs].concat();
    in_time(world.pool.shutdown()).await;
    for addr in addrs {
        assert!(get(addr, "/healthz").await.is_err());
    }
}
