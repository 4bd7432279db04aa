//! Whole rollouts under the async driver, in a simulated world and in simulated time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::Rollout;
use shepherd_core::machine::Outcome;
use shepherd_core::model::{FailureKind, Replicas, Revision};
use shepherd_core::plan::Attention;
use shepherd_core::strategy::Canary;
use shepherd_testkit::SimClock;
use shepherd_testkit::fakes::{ScriptedNotifier, ScriptedStore};
use shepherd_testkit::faults::{Call, Fault, FaultPlan, Faults, Faulty};
use shepherd_testkit::world::{Behaviour, SharedWorld, World};

fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

async fn roll_out(world: World, faults: FaultPlan) -> (Outcome, SharedWorld, ScriptedNotifier) {
    let clock = SimClock::paused();
    let shared = SharedWorld::new(world, Arc::new(clock.clone()));
    let notifier = ScriptedNotifier::default();
    let faults = Faults::from(faults);
    let timed = || -> Arc<dyn shepherd_core::ports::Clock> { Arc::new(clock.clone()) };
    let rollout = Rollout::of("shop/web".parse().unwrap())
        .strategy(Canary::weights([20, 100]).unwrap().every(Duration::from_mins(1)))
        .guard("error_rate > 5% for 20s".parse().unwrap())
        .attention(Attention::default().every(Duration::from_secs(5)))
        .on(Faulty::new(shared.workload(), faults.clone(), timed()))
        .through(Faulty::new(shared.router(), faults.clone(), timed()))
        .measured_by(Faulty::new(shared.metrics(), faults.clone(), timed()))
        .notify(notifier.clone())
        .stored_in(Faulty::new(ScriptedStore::default(), faults, timed()))
        .timed_by(clock.clone())
        .build()
        .unwrap();
    let outcome = rollout.start(revision("v2")).await.unwrap().outcome().await.unwrap();
    (outcome, shared, notifier)
}

fn serving() -> World {
    World::serving(revision("v1"), Replicas::new(5)).propagation(Duration::from_secs(1))
}

fn hurt(world: &SharedWorld) -> (u64, usize) {
    world.with(|world, _| (world.total().failed(), world.violations().len()))
}

#[tokio::test(start_paused = true)]
async fn a_canary_is_promoted_without_a_failed_request() {
    let (outcome, world, notifier) = roll_out(serving(), FaultPlan::new()).await;
    assert!(matches!(outcome, Outcome::Promoted(_)), "{outcome:?}");
    assert_eq!(hurt(&world), (0, 0));
    assert!(!notifier.notices.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failing_candidate_is_taken_back() {
    let world = serving().behaviour(revision("v2"), Behaviour::new().error_rate(0.3));
    let (outcome, world, _) = roll_out(world, FaultPlan::new()).await;
    assert!(outcome.why().contains("error_rate"), "{outcome:?}");
    assert!(world.with(|world, _| world.exposure().is_off()));
}

#[tokio::test(start_paused = true)]
async fn faults_of_every_kind_hurt_nobody() {
    let faults = FaultPlan::new()
        .nth(Call::Route, 1, Fault::AnswerLost)
        .nth(Call::ClaimRouting, 1, Fault::Fail(FailureKind::Transient))
        .nth(Call::Deploy, 1, Fault::Hang)
        .nth(Call::ObserveWorkload, 3, Fault::Panic)
        .nth(Call::ObserveRouting, 4, Fault::Garbage)
        .nth(Call::Measure, 2, Fault::Garbage)
        .nth(Call::Measure, 4, Fault::Slow(Duration::from_secs(3)))
        .nth(Call::Route, 3, Fault::Late(Duration::from_secs(7)))
        .nth(Call::Save, 2, Fault::Fail(FailureKind::Conflict))
        .nth(Call::Save, 3, Fault::AnswerLost);
    let (outcome, world, _) = roll_out(serving(), faults).await;
    assert_eq!(hurt(&world), (0, 0), "{outcome:?}");
}
