//! Rollouts after rollouts on the same adapters: which side is stable changes, and nobody binds anything anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::{Fleet, Rollout, RolloutBuilder};
use shepherd_core::machine::{Command, Ending};
use shepherd_core::model::{
    Actor, Elapsed, Epoch, Exposure, Fence, Generation, Mark, Replicas, Revision, RolloutId, Route,
    RouterCapabilities, StageIndex, Target, Track, TrackSpec, Traffic, Weight,
};
use shepherd_core::plan::{Attention, Change, Plan, Recovery};
use shepherd_core::ports::{Clock, Owner};
use shepherd_core::store::MemoryStore;
use shepherd_core::strategy::{BlueGreen, Rolling, Strategy};
use shepherd_testkit::SimClock;
use shepherd_testkit::faults::{Call, Fault, FaultPlan, Faults, Faulty};
use shepherd_testkit::simulation::{Crash, Kept, Simulation, Wire};
use shepherd_testkit::world::{Behaviour, SharedWorld, World};

const DRAIN: Duration = Duration::from_secs(5);

/// One service, one store, one clock.
struct Place {
    clock: SimClock,
    world: SharedWorld,
    store: MemoryStore,
}

impl Place {
    fn of(world: World) -> Self {
        let clock = SimClock::paused();
        let world = SharedWorld::new(world, Arc::new(clock.clone()));
        Self { world, clock, store: MemoryStore::new() }
    }

    fn bind(&self, owner: &str, faults: FaultPlan, strategy: impl Strategy + 'static) -> RolloutBuilder {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        Rollout::of(target())
            .strategy(strategy)
            .attention(Attention::default().every(Duration::from_secs(2)))
            .on(Faulty::new(self.world.workload(), Faults::from(faults), clock))
            .stored_in(self.store.clone())
            .timed_by(self.clock.clone())
            .owned_by(Owner::new(owner))
    }

    fn blue_green(&self, owner: &str, faults: FaultPlan) -> Rollout {
        self.bind(owner, faults, blue_green()).through(self.world.router()).build().unwrap()
    }

    /// This revision serves alone, on stable, and nobody lost a request to it.
    fn serves(&self, name: &str) {
        self.world.with(|world, _| {
            assert_eq!(world.total().failed(), 0, "{name}");
            assert!(world.violations().is_empty(), "{name}: {:?}", world.violations());
            assert_eq!(world.answering(), [revision(name)].into(), "{name}");
        });
    }

    fn stable(&self) -> (Option<Revision>, u32) {
        let stable = self.world.with(World::workload).stable;
        (stable.revision, stable.ready.get())
    }
}

fn service() -> World {
    World::serving(revision("v1"), Replicas::new(4)).load(200.0)
}

fn blue_green() -> BlueGreen {
    BlueGreen::new().grace(Duration::from_secs(30)).recovery(Recovery::default().drain(DRAIN))
}

fn target() -> Target {
    "shop/web".parse().unwrap()
}

fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn three_in_a_row_on_the_same_adapters_are_promoted_and_nobody_loses_a_request() {
    let place = Place::of(service());
    let (fleet, rollout) =
        (Fleet::new(NonZeroUsize::new(2).unwrap()), place.blue_green("one", FaultPlan::new()));
    for name in ["v2", "v3", "v1"] {
        let handle = fleet.start(&rollout, revision(name)).await.unwrap();
        let outcome = handle.outcome().await.unwrap();
        assert_eq!(outcome.ending(), Ending::Promoted, "{name}: {}", outcome.why());
        place.clock.sleep(Duration::from_mins(1)).await;
        place.serves(name);
    }
    let plan = rollout.plan(revision("v2")).await.unwrap();
    assert_eq!((plan.stable(), plan.replicas()), (&revision("v1"), Replicas::new(4)));
}

#[tokio::test(start_paused = true)]
async fn what_was_kept_running_is_gone_back_to() {
    let place = Place::of(service());
    let kept = place.bind("one", FaultPlan::new(), blue_green().keep_old());
    let rollout = kept.through(place.world.router()).build().unwrap();
    for name in ["v2", "v1", "v2"] {
        let outcome = rollout.start(revision(name)).await.unwrap().outcome().await.unwrap();
        assert_eq!(outcome.ending(), Ending::Promoted, "{name}: {}", outcome.why());
        place.serves(name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_driver_that_dies_between_the_claims_leaves_the_rest_to_the_next_one() {
    let place = Place::of(service());
    let first = place.blue_green("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    assert_eq!(first.outcome().await.unwrap().ending(), Ending::Promoted);
    first.detach().await;
    let hangs = FaultPlan::new().from(Call::ClaimWorkload, 1, Fault::Hang);
    let dying = place.blue_green("two", hangs).start(revision("v3")).await.unwrap();
    let exposed = || place.world.with(|world, now| world.routing(now).unwrap().exposure);
    while !exposed().is_off() {
        place.clock.sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(place.stable(), (Some(revision("v1")), 0), "the workload was not claimed yet");
    let next = place.blue_green("three", FaultPlan::new()).steal(revision("v3")).await.unwrap();
    let outcome = next.outcome().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    place.serves("v3");
    drop(dying);
}

#[tokio::test(start_paused = true)]
async fn without_a_router_the_side_that_runs_is_the_stable_one() {
    let place = Place::of(service().without_router());
    let rolling = Rolling::new().settle(Duration::from_secs(5)).recovery(Recovery::default().drain(DRAIN));
    let rollout = place.bind("one", FaultPlan::new(), rolling).build().unwrap();
    for name in ["v2", "v3", "v1"] {
        let outcome = rollout.start(revision(name)).await.unwrap().outcome().await.unwrap();
        assert_eq!(outcome.ending(), Ending::Promoted, "{name}: {}", outcome.why());
        place.serves(name);
    }
}

/// Before the workload is claimed its sides are still called as the rollout before called them.
#[tokio::test(start_paused = true)]
async fn what_is_aborted_before_it_took_hold_writes_nothing() {
    let place = Place::of(service().without_router());
    let rolling = || Rolling::new().settle(Duration::from_secs(5));
    let first = place.bind("one", FaultPlan::new(), rolling()).build().unwrap();
    let first = first.start(revision("v2")).await.unwrap();
    assert_eq!(first.outcome().await.unwrap().ending(), Ending::Promoted);
    first.detach().await;
    let written = place.world.with(|world, _| world.writes().len());
    let hangs = FaultPlan::new().from(Call::ClaimWorkload, 1, Fault::Hang);
    let second = place.bind("two", hangs, rolling()).build().unwrap().start(revision("v3")).await.unwrap();
    place.clock.sleep(Duration::from_secs(3)).await;
    second.abort(Actor::new("ada").unwrap(), "not today").await.unwrap();
    assert_eq!(second.outcome().await.unwrap().ending(), Ending::Aborted);
    place.clock.sleep(Duration::from_mins(1)).await;
    assert_eq!(place.world.with(|world, _| world.writes().len()), written);
    place.serves("v2");
}

/// The world that a promotion by swap has left: v2 serves on the candidate, and v1 is retired.
fn swapped() -> World {
    let router = RouterCapabilities::switching();
    let at_once = Behaviour::new().start_up(Duration::ZERO);
    let mut world = service().router(router).behaviour(revision("v2"), at_once);
    let fence = Fence { rollout: RolloutId::new("shop/web#0").unwrap(), epoch: Epoch::new(0) };
    let mark = |generation| Mark {
        fence: fence.clone(),
        stage: StageIndex::FIRST,
        generation: Generation::new(generation),
        traffic: Traffic::On,
        cause: None,
    };
    let spec = |track, name: &str, replicas| TrackSpec::new(track, revision(name), Replicas::new(replicas));
    let all = Exposure::weight(Weight::FULL);
    world.claim_routing(Elapsed::ZERO, &fence).unwrap();
    world.claim_workload(Elapsed::ZERO, &fence).unwrap();
    world.deploy(Elapsed::ZERO, &spec(Track::Candidate, "v2", 4), &mark(1)).unwrap();
    world.route(Elapsed::ZERO, &Route { exposure: all, mark: mark(2) }).unwrap();
    world.deploy(Elapsed::ZERO, &spec(Track::Stable, "v1", 0), &mark(3)).unwrap();
    world
}

fn next_plan() -> Plan {
    let change = Change::new(target(), revision("v2"), revision("v3"))
        .replicas(Replicas::new(4))
        .router(RouterCapabilities::switching());
    blue_green().plan(&change).unwrap()
}

#[test]
fn killed_after_any_step_the_next_rollout_finds_the_same_roles() {
    let steps = {
        let mut steps = 0;
        assert!(Simulation::new(next_plan(), swapped()).run_watched(&mut |_| steps += 1).promoted());
        steps
    };
    for step in 1..=steps {
        for (wire, kept) in [
            (Wire::Lost, Kept::Saved),
            (Wire::Lands, Kept::Saved),
            (Wire::Lost, Kept::All),
            (Wire::Lands, Kept::All),
        ] {
            let crash = Crash::after_step(step).wire(wire).kept(kept).down_for(Duration::from_secs(10));
            let report = Simulation::new(next_plan(), swapped()).crash(crash).run();
            assert!(report.promoted(), "{crash:?}: {:?} {:#?}", report.ended, report.events);
            assert_eq!((report.failed(), report.violations()), (0, &[][..]), "{crash:?}");
            assert_eq!(report.world.answering(), [revision("v3")].into(), "{crash:?}");
        }
    }
}

#[test]
fn aborted_after_any_time_the_side_that_served_goes_on_serving() {
    for half_seconds in 0..60 {
        let abort = Command::Abort { reason: "not today".into() };
        let at = Duration::from_millis(500 * half_seconds);
        let report = Simulation::new(next_plan(), swapped())
            .latency(Call::ClaimRouting, Duration::from_millis(700))
            .latency(Call::ClaimWorkload, Duration::from_millis(700))
            .at(at, Actor::new("ann").unwrap(), abort)
            .run();
        assert_eq!((report.failed(), report.violations()), (0, &[][..]), "{at:?}");
        assert_eq!(report.world.answering(), [revision("v2")].into(), "{at:?}");
    }
}
