//! What the simulated world promises.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use shepherd_core::model::{
    Elapsed, Epoch, Exposure, FailureKind, Fence, Generation, Mark, Match, Metric, Quantile, Replicas,
    Revision, RolloutId, Route, Sample, StageIndex, Track, TrackSpec, Traffic, Weight,
};
use shepherd_testkit::world::{Behaviour, Curve, World, Wrong};

fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

fn at(seconds: u64) -> Elapsed {
    Elapsed::from_millis(seconds * 1000)
}

fn mark(epoch: u64, generation: u64, traffic: Traffic) -> Mark {
    let fence = Fence { rollout: RolloutId::new("web#1").unwrap(), epoch: Epoch::new(epoch) };
    Mark { fence, stage: StageIndex::FIRST, generation: Generation::new(generation), traffic, cause: None }
}

fn to(percent: u32, epoch: u64, generation: u64, traffic: Traffic) -> Route {
    let exposure = Exposure::weight(Weight::percent(percent).unwrap());
    Route { exposure, mark: mark(epoch, generation, traffic) }
}

fn spec(track: Track, name: &str, replicas: u32) -> TrackSpec {
    TrackSpec::new(track, revision(name), Replicas::new(replicas))
}

/// Four replicas of v1 under 240 requests a second, and so many of v2 from the third second on.
fn with_candidate(replicas: u32, behaviour: Behaviour) -> World {
    let mut world = World::serving(revision("v1"), Replicas::new(4)).behaviour(revision("v2"), behaviour);
    world.deploy(at(0), &spec(Track::Candidate, "v2", replicas), &mark(1, 1, Traffic::On)).unwrap();
    world.advance(at(3));
    world
}

#[test]
fn traffic_without_ready_replicas_fails_wholly_and_is_a_violation() {
    let mut world = with_candidate(1, Behaviour::new().never_ready());
    world.route(at(3), &to(10, 1, 2, Traffic::On)).unwrap();
    world.advance(at(13));
    assert_eq!(world.of_track(Track::Candidate).failed(), 240);
    assert_eq!(world.of_track(Track::Stable).failed(), 0);
    assert!(matches!(world.violations()[0].what, Wrong::NoCapacity { track: Track::Candidate, .. }));
}

#[test]
fn what_goes_beyond_the_capacity_fails() {
    let mut world = with_candidate(1, Behaviour::new());
    world.route(at(3), &to(50, 1, 2, Traffic::On)).unwrap();
    world.advance(at(13));
    let candidate = world.of_track(Track::Candidate);
    assert_eq!((candidate.requests(), candidate.failed()), (1200, 200));
}

#[test]
fn a_write_takes_effect_after_its_propagation() {
    let mut world = with_candidate(1, Behaviour::new()).propagation(Duration::from_secs(5));
    world.route(at(3), &to(10, 1, 2, Traffic::On)).unwrap();
    assert!(!world.routing(at(7)).unwrap().in_effect);
    assert_eq!(world.of_track(Track::Candidate).requests(), 0);
    assert!(world.routing(at(8)).unwrap().in_effect);
    world.advance(at(18));
    assert_eq!(world.of_track(Track::Candidate).requests(), 240);
}

#[test]
fn ending_replicas_that_traffic_needs_is_a_violation_and_hurts() {
    let mut world = with_candidate(1, Behaviour::new()).propagation(Duration::from_secs(5));
    world.route(at(3), &to(10, 1, 2, Traffic::On)).unwrap();
    world.advance(at(10));
    world.route(at(10), &to(0, 1, 3, Traffic::Off)).unwrap();
    world.deploy(at(10), &spec(Track::Candidate, "v2", 0), &mark(1, 4, Traffic::Off)).unwrap();
    world.advance(at(20));
    assert_eq!(world.of_track(Track::Candidate).failed(), 120);
    assert!(matches!(world.violations()[0].what, Wrong::TakesCapacity { track: Track::Candidate, .. }));
}

#[test]
fn a_track_serves_on_while_its_revision_changes() {
    let mut world = World::serving(revision("v1"), Replicas::new(4));
    world.deploy(at(0), &spec(Track::Stable, "v2", 4), &mark(1, 1, Traffic::On)).unwrap();
    let before = world.workload(at(1)).stable;
    assert_eq!((before.revision, before.ready), (Some(revision("v2")), Replicas::ZERO));
    assert_eq!(world.workload(at(2)).stable.ready, Replicas::new(4));
    world.advance(at(10));
    assert_eq!((world.total().requests(), world.total().failed()), (2400, 0));
    assert_eq!(world.of_revision(&revision("v2")).requests(), 1920);
}

#[test]
fn requests_that_a_replica_may_not_finish_fail() {
    let slow = Behaviour::new().latency(2.0);
    for (termination, failed) in [(1, 24), (3, 0)] {
        let mut world = with_candidate(2, slow.clone()).termination(Duration::from_secs(termination));
        world.route(at(3), &to(10, 1, 2, Traffic::On)).unwrap();
        world.deploy(at(10), &spec(Track::Candidate, "v2", 1), &mark(1, 3, Traffic::On)).unwrap();
        world.advance(at(20));
        assert_eq!(world.total().failed(), failed, "2 s of 12 requests a second were under way");
    }
}

#[test]
fn a_fenced_router_refuses_what_an_unfenced_one_lets_through() {
    let refused = |world: &mut World| {
        let later = Fence { epoch: Epoch::new(2), ..mark(1, 1, Traffic::On).fence };
        world.claim_routing(at(3), &later).unwrap();
        world.route(at(3), &to(10, 1, 2, Traffic::On)).map_err(|failure| failure.kind)
    };
    assert_eq!(refused(&mut with_candidate(1, Behaviour::new())), Err(FailureKind::Fenced));
    let mut unfenced = with_candidate(1, Behaviour::new()).unfenced();
    assert_eq!(refused(&mut unfenced), Ok(()));
    assert!(matches!(unfenced.violations()[0].what, Wrong::StaleRaise { .. }));
    assert_eq!(unfenced.routing(at(4)).unwrap().mark, None);
    unfenced.route(at(5), &to(0, 2, 3, Traffic::Off)).unwrap();
    unfenced.route(at(6), &to(10, 2, 2, Traffic::On)).unwrap();
    assert!(matches!(unfenced.violations()[1].what, Wrong::RaisedAfterOff { .. }));
}

#[test]
fn increments_come_once_for_each_cursor_and_again_for_the_same() {
    let mut world = with_candidate(1, Behaviour::new().error_rate(0.25));
    world.route(at(3), &to(10, 1, 2, Traffic::On)).unwrap();
    let metrics = [Metric::ErrorRate, Metric::RequestRate, Metric::Latency(Quantile::P95)];
    let base = world.measure(at(3), &metrics, None);
    assert_eq!(base.sample(&Metric::ErrorRate, Track::Candidate), &Sample::NoData);
    let first = world.measure(at(13), &metrics, Some(&base.cursor));
    let again = world.measure(at(13), &metrics, Some(&base.cursor));
    assert_eq!(first.readings, again.readings);
    let Sample::Share { part, whole } = first.sample(&Metric::ErrorRate, Track::Candidate) else { panic!() };
    assert!((part - 60.0).abs() < 1e-6 && (whole - 240.0).abs() < 1e-6);
    let Sample::Histogram(latencies) = first.sample(&Metric::Latency(Quantile::P95), Track::Candidate) else {
        panic!()
    };
    assert!((0.02..0.07).contains(&latencies.quantile(Quantile::P95).unwrap()));
    let next = world.measure(at(13), &metrics, Some(&first.cursor));
    assert_eq!(next.sample(&Metric::ErrorRate, Track::Candidate), &Sample::NoData);
}

#[test]
fn a_crashing_replica_says_so_and_loses_what_it_had() {
    let mut world = with_candidate(1, Behaviour::new().crashes_after_requests(100.0));
    world.route(at(3), &to(10, 1, 2, Traffic::On)).unwrap();
    world.advance(at(100));
    assert!(world.of_track(Track::Candidate).failed() > 100);
    assert_eq!(world.of_track(Track::Stable).failed(), 0);
    let failing = world.workload(at(100)).candidate.failing.unwrap();
    assert!(failing.as_str().starts_with("CrashLoopBackOff"), "{failing}");
}

#[test]
fn an_image_that_cannot_be_pulled_says_so() {
    let mut world = with_candidate(1, Behaviour::new().stuck("ErrImagePull: not found"));
    let candidate = world.workload(at(3)).candidate;
    assert_eq!(candidate.ready, Replicas::ZERO);
    assert_eq!(candidate.failing.unwrap().as_str(), "v2: ErrImagePull: not found");
}

#[test]
fn behaviour_moves_with_time_and_load() {
    let strained = Curve::of(|moment| if moment.utilization > 0.5 { 1.0 } else { 0.0 });
    let mut world = with_candidate(1, Behaviour::new().error_rate(strained));
    world.route(at(3), &to(20, 1, 2, Traffic::On)).unwrap();
    world.advance(at(13));
    assert_eq!(world.total().failed(), 0);
    world.route(at(13), &to(30, 1, 3, Traffic::On)).unwrap();
    world.advance(at(14));
    assert_eq!(world.total().failed(), 72);
}

#[test]
fn copies_are_measured_and_hurt_nobody() {
    let mut world = with_candidate(1, Behaviour::new().error_rate(1.0));
    let exposure = Exposure::matching([Match::Header { name: "beta".into(), value: "1".into() }]);
    let exposure = exposure.mirrored(Weight::percent(10).unwrap());
    world.route(at(3), &Route { exposure, mark: mark(1, 2, Traffic::On) }).unwrap();
    let base = world.measure(at(3), &[Metric::ErrorRate], None);
    let seen = world.measure(at(13), &[Metric::ErrorRate], Some(&base.cursor));
    let Sample::Share { whole, .. } = seen.sample(&Metric::ErrorRate, Track::Candidate) else { panic!() };
    assert!((whole - (120.0 + 228.0)).abs() < 1e-6, "{whole}");
    assert_eq!(world.total().failed(), 120, "only who matches meets the candidate");
    assert_eq!(world.total().requests(), 240 * 13);
}

#[test]
fn chance_scatters_the_same_way_from_the_same_seed() {
    let failed = |seed| {
        let mut world = with_candidate(1, Behaviour::new().error_rate(0.1)).seed(seed);
        world.route(at(3), &to(10, 1, 2, Traffic::On)).unwrap();
        for second in 4..60 {
            world.advance(at(second));
        }
        world.total().failed
    };
    assert!((failed(1) - failed(1)).abs() < f64::EPSILON);
    assert!((failed(1) - failed(2)).abs() > f64::EPSILON);
    assert!((failed(1) - 56.0 * 24.0 * 0.1).abs() < 40.0);
}

#[test]
fn without_a_router_ready_replicas_share_the_traffic() {
    let mut world = World::serving(revision("v1"), Replicas::new(3)).without_router();
    world.deploy(at(0), &spec(Track::Candidate, "v2", 1), &mark(1, 1, Traffic::On)).unwrap();
    world.advance(at(12));
    assert_eq!(world.of_track(Track::Candidate).requests(), 450);
    assert_eq!(world.total().failed(), 0);
}
