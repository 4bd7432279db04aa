//! One rollout after another, or beside it: other owners, other processes, other revisions.

use std::num::NonZeroUsize;
use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::driver::{Fleet, LeverError, Rollout, StartError, Stopped};
use shepherd_core::machine::Ending;
use shepherd_core::model::{FailureKind, Fence, Route, RouterCapabilities, Routing, Track};
use shepherd_core::plan::{Attention, Change, Mode, Plan, PlanError, Promotion};
use shepherd_core::ports::{Clock, PortError, Store, StoreError, TrafficRouter};
use shepherd_core::store::MemoryStore;
use shepherd_testkit::faults::{Call, Fault, FaultPlan, Faults};
use shepherd_testkit::world::{Behaviour, WorldRouter};

use crate::place::{Place, ada, in_stage, revision, strategy, target, until};

#[tokio::test(start_paused = true)]
async fn one_of_two_drivers_acts() {
    let place = Place::new(Behaviour::new());
    let first = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    in_stage(&first, "bake-10%").await;
    let refused = place.rollout("two", FaultPlan::new()).start(revision("v2")).await.err().unwrap();
    assert!(matches!(refused, StartError::Store(StoreError::Held { .. })), "{refused}");
    assert_eq!(first.outcome().await.unwrap().ending(), Ending::Promoted);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_driver_that_wakes_after_its_successor_took_over_raises_nothing() {
    let place = Place::new(Behaviour::new());
    // The first driver's raise to 50% is under way for as long as the successor needs to take over and roll back.
    let faults = FaultPlan::new().nth(Call::Route, 2, Fault::Late(Duration::from_secs(15)));
    let stalled = place.rollout("stalled", faults).start(revision("v2")).await.unwrap();
    until(&stalled, |status| status.exposure.weight.to_string() == "50%").await;
    let successor = place.rollout("successor", FaultPlan::new()).steal(revision("v2")).await.unwrap();
    successor.roll_back(ada(), "the first one hangs").await.unwrap();
    assert_eq!(successor.outcome().await.unwrap().ending(), Ending::RolledBack);
    assert!(matches!(stalled.outcome().await, Err(Stopped::Superseded)));
    place.clock.sleep(Duration::from_mins(1)).await;
    assert_eq!(place.weight(), "0%");
    place.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn killed_between_the_off_and_its_save_it_is_never_raised_again() {
    let place = Place::new(Behaviour::new());
    let faults = Faults::default();
    let killed = place.rollout("killed", faults.clone()).start(revision("v2")).await.unwrap();
    in_stage(&killed, "bake-10%").await;
    // What the successor finds is the snapshot of a rollout that goes forward.
    faults.from_now_on(Call::Save, Fault::Fail(FailureKind::Transient));
    killed.abort(ada(), "enough").await.unwrap();
    assert!(place.is_marked_off());
    let saved = place.store.load(&target()).await.unwrap().unwrap().1.unwrap().snapshot;
    assert!(saved.contains(r#""course":"forward""#), "{saved}");

    let successor = place.rollout("successor", FaultPlan::new()).steal(revision("v2")).await.unwrap();
    let outcome = successor.outcome().await.unwrap();
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(outcome.why().contains("aborted by ada: enough"), "{}", outcome.why());
    assert_eq!(place.weight(), "0%");
    place.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn detached_and_started_again_it_ends_as_it_would_have() {
    let place = Place::new(Behaviour::new());
    for stage in ["bake-10%", "bake-50%", "bake-100%"] {
        let handle = place.rollout(stage, FaultPlan::new()).start(revision("v2")).await.unwrap();
        in_stage(&handle, stage).await;
        handle.detach().await;
        assert!(matches!(handle.outcome().await, Err(Stopped::Detached)));
        let lever = handle.abort(ada(), "nobody drives it").await;
        assert!(matches!(lever, Err(LeverError::Stopped(Stopped::Detached))), "{lever:?}");
    }
    let last = place
        .rollout("last", FaultPlan::new())
        .resume()
        .await
        .unwrap()
        .expect("there is something to go on with");
    assert_eq!(last.done().await.unwrap().ending(), Ending::Promoted);
    assert_eq!(place.failed(), 0);
    place.assert_safe();
    let nothing = place.rollout("later", FaultPlan::new()).resume().await.unwrap();
    assert!(nothing.is_none(), "what has ended is not begun again");
}

/// The record is read in a stage of it, and told when another process has brought it to its end.
async fn resumed_too_late(stage: &str, aborted: bool) {
    let place = Place::new(Behaviour::new());
    let first = place.rollout("first", FaultPlan::new()).start(revision("v2")).await.unwrap();
    in_stage(&first, stage).await;
    let slow = FaultPlan::new().nth(Call::Load, 1, Fault::Slow(Duration::from_secs(9)));
    let late = place.rollout("late", slow);
    let end = async {
        if aborted {
            first.abort(ada(), "it is bad").await.unwrap();
        }
        first.done().await.unwrap().ending()
    };
    let (resumed, ending) = tokio::join!(late.resume(), end);
    assert_eq!(ending, if aborted { Ending::Aborted } else { Ending::Promoted });
    assert!(resumed.unwrap().is_none(), "what has ended is not begun again");
    assert_eq!(place.weight(), "0%");
    // And the target is free.
    let next = place.rollout("next", FaultPlan::new()).start(revision("v3")).await.unwrap();
    assert_eq!(next.outcome().await.unwrap().ending(), Ending::Promoted);
    place.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn what_ends_while_it_is_claimed_is_not_begun_again() {
    resumed_too_late("bake-10%", true).await;
    resumed_too_late("retire-candidate", false).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_goes_on_with_what_is_there_and_with_nothing_else() {
    let place = Place::new(Behaviour::new());
    let idle = place.rollout("two", FaultPlan::new());
    assert!(idle.take_over().await.unwrap().is_none());
    let first = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    in_stage(&first, "bake-10%").await;
    let held = place.rollout("two", FaultPlan::new()).resume().await.err().unwrap();
    assert!(matches!(held, StartError::Store(StoreError::Held { .. })), "{held}");
    let second = idle.take_over().await.unwrap().expect("it is under way");
    assert_eq!(second.status().candidate, revision("v2"));
    // Twice is once.
    let again = idle.resume().await.unwrap().expect("it is driven here");
    assert_eq!(again.status().rollout, second.status().rollout);
    assert_eq!(second.outcome().await.unwrap().ending(), Ending::Promoted);
    assert!(matches!(first.outcome().await, Err(Stopped::Superseded)));
    place.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn a_fleet_goes_on_with_what_it_finds() {
    let place = Place::new(Behaviour::new());
    let fleet = Fleet::new(NonZeroUsize::MIN);
    let rollout = place.rollout("fleet", FaultPlan::new());
    assert!(fleet.resume(&rollout).await.unwrap().is_none());
    let first = place.rollout("before", FaultPlan::new()).start(revision("v2")).await.unwrap();
    in_stage(&first, "bake-10%").await;
    first.detach().await;
    let handle = fleet.resume(&rollout).await.unwrap().expect("it is under way");
    assert_eq!(fleet.all().await.len(), 1);
    assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Promoted);
    fleet.close().await;
    assert!(matches!(fleet.resume(&rollout).await, Err(StartError::Closing)));
}

#[tokio::test(start_paused = true)]
async fn another_revision_first_takes_the_old_candidate_back() {
    let place = Place::new(Behaviour::new());
    let rollout = place.rollout("one", FaultPlan::new());
    let first = rollout.start(revision("v2")).await.unwrap();
    in_stage(&first, "bake-10%").await;
    first.supersede(ada(), revision("v3")).await.unwrap();
    let outcome = first.done().await.unwrap();
    assert_eq!(outcome.ending(), Ending::RolledBack);
    let second = rollout.start_next(&outcome).await.unwrap().expect("v3 is wanted");
    assert_eq!(second.status().candidate, revision("v3"));
    assert_eq!(second.outcome().await.unwrap().ending(), Ending::Promoted);
    place.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn an_abort_after_the_promotion_asks_for_the_way_back_and_survives_a_crash() {
    let place = Place::new(Behaviour::new());
    let rollout = place.rollout("one", FaultPlan::new());
    let handle = rollout.start(revision("v2")).await.unwrap();
    until(&handle, |status| status.stage.as_str() == "retire-candidate").await;
    handle.abort(ada(), "too late").await.unwrap();
    assert_eq!(handle.done().await.unwrap().ending(), Ending::Promoted);
    let back =
        place.rollout("two", FaultPlan::new()).resume().await.unwrap().expect("the way back is wanted");
    assert_eq!(back.status().candidate, revision("v1"));
    assert_eq!(back.outcome().await.unwrap().ending(), Ending::Promoted);
}

#[tokio::test(start_paused = true)]
async fn started_twice_it_attaches_and_another_revision_waits_for_the_first_to_give_way() {
    let place = Place::new(Behaviour::new());
    let rollout = place.rollout("one", FaultPlan::new());
    let (first, second) = tokio::join!(rollout.start(revision("v2")), rollout.start(revision("v2")));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.status().rollout, second.status().rollout);
    in_stage(&first, "bake-10%").await;
    let same = rollout.start(revision("v2")).await.unwrap();
    assert_eq!(same.status().rollout, first.status().rollout);
    let third = rollout.start(revision("v3")).await.unwrap();
    assert_eq!(first.outcome().await.unwrap().ending(), Ending::RolledBack);
    in_stage(&third, "bake-10%").await;
    let back = rollout.start(revision("v1")).await.unwrap();
    assert_eq!(back.status().rollout, third.status().rollout);
    assert_eq!(third.outcome().await.unwrap().ending(), Ending::Aborted);
    place.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn what_the_watching_after_the_promotion_finds_is_wanted_next() {
    struct Watched;
    impl shepherd_core::strategy::Strategy for Watched {
        fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
            Plan::builder(change, "watched")
                .mode(Mode::Switch)
                .promotion(Promotion::Swap)
                .scale(Track::Candidate, change.replicas)
                .switch()
                .bake(Duration::from_secs(10))
                .promote()
                .watch_after(Duration::from_mins(10))
                .build()
        }
    }
    let place = Place::new(Behaviour::new());
    let rollout = Rollout::of(target())
        .strategy(Watched)
        .guard("error_rate > 5% for 10s".parse().unwrap())
        .attention(Attention::default().every(Duration::from_secs(2)))
        .through(place.world.router())
        .on(place.world.workload())
        .measured_by(place.world.metrics())
        .stored_in(place.store.clone())
        .timed_by(place.clock.clone())
        .build()
        .unwrap();
    let handle = rollout.start(revision("v2")).await.unwrap();
    assert!(handle.outcome().await.unwrap().report().next.is_none(), "it was well until then");
    place.world.with(|world, now| world.set_behaviour(now, revision("v2"), Behaviour::new().error_rate(0.5)));
    let done = handle.done().await.unwrap();
    let next = done.report().next.as_ref().expect("the way back is wanted");
    assert_eq!((done.ending(), &next.revision), (Ending::Promoted, &revision("v1")));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_attaches_and_nobody_waits_for_a_permit_to_take_users_off() {
    let place = Place::new(Behaviour::new());
    // The only permit is held by a look that never comes back.
    let faults = FaultPlan::new().from(Call::Measure, 8, Fault::Hang);
    let fleet = Fleet::new(NonZeroUsize::MIN);
    let rollout = place.rollout("fleet", faults);
    let handle = fleet.start(&rollout, revision("v2")).await.unwrap();
    let same = fleet.start(&rollout, revision("v2")).await.unwrap();
    assert_eq!(same.status().rollout, handle.status().rollout);
    assert_eq!(fleet.all().await.len(), 1);
    in_stage(&handle, "bake-10%").await;
    place.clock.sleep(Duration::from_secs(15)).await;
    let before = place.clock.now().elapsed;
    handle.abort(ada(), "enough").await.unwrap();
    assert!(place.clock.now().elapsed - before < Duration::from_secs(1));
    assert_eq!(place.weight(), "0%");
    fleet.close().await;
    assert!(matches!(fleet.start(&rollout, revision("v3")).await, Err(StartError::Closing)));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgot_everything_does_not_count_its_epochs_from_the_start() {
    let place = Place::new(Behaviour::new());
    let first = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    assert_eq!(first.outcome().await.unwrap().ending(), Ending::Promoted);
    let forgetful = Place { store: MemoryStore::new(), ..place.clone() };
    let second = forgetful.rollout("two", FaultPlan::new()).start(revision("v3")).await.unwrap();
    assert_eq!(second.outcome().await.unwrap().ending(), Ending::Promoted);
    assert_ne!(first.status().rollout, second.status().rollout);
}

/// The world's router as one that says where it writes to.
struct At(WorldRouter, &'static str);

#[async_trait]
impl TrafficRouter for At {
    fn capabilities(&self) -> RouterCapabilities {
        self.0.capabilities()
    }

    fn place(&self) -> Option<String> {
        Some(self.1.to_owned())
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.0.claim(fence).await
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        self.0.apply(route).await
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        self.0.observe().await
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_begun_elsewhere_neither_goes_on_nor_gives_way() {
    let place = Place::new(Behaviour::new());
    let through = |route| {
        let router = At(place.world.router(), route);
        let rollout = Rollout::of(target()).strategy(strategy()).on(place.world.workload()).through(router);
        rollout.stored_in(place.store.clone()).timed_by(place.clock.clone()).build().unwrap()
    };
    let left = through("route a").start(revision("v2")).await.unwrap();
    in_stage(&left, "bake-10%").await;
    left.detach().await;
    let refused = async |wanted| {
        let why = "shop/web is under way on route a, and can neither go on nor give way on route b";
        for refused in [
            through("route b").start(revision(wanted)).await.err().unwrap(),
            through("route b").steal(revision(wanted)).await.err().unwrap(),
        ] {
            assert!(refused.to_string().starts_with(why), "{refused}");
            assert_eq!(place.weight(), "10%");
        }
    };
    refused("v2").await;
    refused("v3").await;
    let driven = through("route a").start(revision("v2")).await.unwrap();
    refused("v2").await;
    refused("v3").await;
    driven.pause(ada(), "it is driven as before").await.unwrap();
    driven.detach().await;
    let handle = through("route a").start(revision("v3")).await.unwrap();
    assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Promoted);
    let next = through("route b").start(revision("v4")).await.unwrap();
    assert_eq!(next.outcome().await.unwrap().ending(), Ending::Promoted);
}
