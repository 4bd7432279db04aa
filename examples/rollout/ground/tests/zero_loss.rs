//! The promise of the ground: whatever changes, no request is lost.
//!
//! On several threads, since a race that loses one needs two of them.

use super::{World, in_time, split};
use crate::ground::load::Totals;
use crate::ground::switchboard::Policy;
use crate::ground::track::Track;

fn assert_none_lost(totals: &Totals) {
    assert_eq!(totals.failed, 0, "{:?} of {}", totals.first_failure, totals.requests);
}

/// Some requests go through before the next change, or the changes would meet none.
async fn some_traffic(world: &World) {
    let served = || {
        let counts = world.proxy.counts();
        counts.stable.requests + counts.candidate.requests
    };
    let before = served();
    in_time(async {
        while served() < before + 20 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_weights_flip() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "v1", 2);
    world.set(Track::Candidate, "v2", 2);
    world.settled().await;
    let load = world.load(400, 16);
    for weight in [10_000, 0, 5000, 0].into_iter().cycle().take(60) {
        world.split(weight);
        some_traffic(&world).await;
    }
    assert_none_lost(&load.stop().await);
    assert!(world.proxy.counts().candidate.requests > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_tracks_scale_and_traffic_follows() {
    let world = World::new(split(0)).await;
    world.set(Track::Stable, "v1", 3);
    world.settled().await;
    let load = world.load(400, 16);
    for _ in 0..5 {
        world.set(Track::Candidate, "v2", 3);
        world.settled().await;
        world.split(10_000);
        world.set(Track::Stable, "v1", 1);
        some_traffic(&world).await;
        world.set(Track::Stable, "v1", 3);
        world.settled().await;
        world.split(0);
        world.set(Track::Candidate, "v2", 0);
        world.settled().await;
    }
    assert_none_lost(&load.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_revisions_replace_each_other() {
    let world = World::new(split(5000)).await;
    world.set(Track::Stable, "v1", 2);
    world.set(Track::Candidate, "v2", 2);
    world.settled().await;
    let load = world.load(400, 16);
    for (stable, candidate) in [("v2", "v3"), ("v3", "v1"), ("v1", "v2"), ("v2", "v1")] {
        world.set(Track::Stable, stable, 2);
        world.set(Track::Candidate, candidate, 2);
        world.settled().await;
        some_traffic(&world).await;
    }
    assert_none_lost(&load.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_slow_requests_are_in_flight() {
    let world = World::new(split(10_000)).await;
    world.set(Track::Stable, "v1", 1);
    world.set(Track::Candidate, "slow", 2);
    world.settled().await;
    let load = world.load(100, 64);
    for _ in 0..3 {
        some_traffic(&world).await;
        world.split(0);
        world.set(Track::Candidate, "slow", 0);
        world.settled().await;
        world.set(Track::Candidate, "slow", 2);
        world.settled().await;
        world.split(10_000);
    }
    assert_none_lost(&load.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_rolling_in_place() {
    let world = World::new(Policy::Even).await;
    world.set(Track::Stable, "v1", 3);
    world.settled().await;
    let load = world.load(400, 16);
    for replaced in 1..=3 {
        world.set(Track::Candidate, "v2", replaced);
        world.settled().await;
        world.set(Track::Stable, "v1", 3 - replaced);
        world.settled().await;
        some_traffic(&world).await;
    }
    assert_none_lost(&load.stop().await);
}
