//! One rollout, and what goes wrong under it.

use std::time::Duration;

use shepherd_core::driver::{Rollout, StartError};
use shepherd_core::machine::{Ending, Happening, Outcome, Phase};
use shepherd_core::model::{FailureKind, Replicas, Track};
use shepherd_core::plan::{Attention, Unattended};
use shepherd_core::ports::{Clock, Store};
use shepherd_testkit::faults::{Call, Fault, FaultPlan, Faults};
use shepherd_testkit::world::Behaviour;

use crate::place::{Place, ada, in_stage, revision, strategy, target, until};

#[tokio::test(start_paused = true)]
async fn a_healthy_candidate_is_promoted_without_one_failed_request() {
    let place = Place::new(Behaviour::new());
    let handle = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    let outcome = handle.outcome().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted);
    assert_eq!(place.failed(), 0);
    place.assert_safe();
    let stable = place.world.with(shepherd_testkit::world::World::workload).stable;
    assert_eq!(stable.revision, Some(revision("v2")));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_first_is_told_from_the_beginning() {
    let place = Place::new(Behaviour::new());
    let handle = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    in_stage(&handle, "bake-10%").await;
    let (mut first, mut second) = (handle.events(), handle.events());
    assert!(matches!(first.next().await.unwrap().what, Happening::Attached(_)));
    until(&handle, |status| status.stage.as_str() == "scale-candidate-2").await;
    let entered = second.next().await.unwrap().what;
    assert!(!matches!(entered, Happening::Attached(_)), "{entered:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_begin_leaves_nothing_in_the_store() {
    let place = Place::new(Behaviour::new());
    let rollout = place.rollout("one", FaultPlan::new());
    let refused = rollout.start(revision("v1")).await.err().unwrap();
    assert!(matches!(refused, StartError::Plan(_)), "{refused}");
    assert!(place.store.load(&target()).await.unwrap().is_none(), "nobody has claimed it");

    let faults = FaultPlan::new().from(Call::ObserveWorkload, 1, Fault::Fail(FailureKind::Permanent));
    let refused = place.rollout("one", faults).start(revision("v2")).await.err().unwrap();
    assert!(matches!(refused, StartError::Unobservable { .. }), "{refused}");
    assert!(place.store.load(&target()).await.unwrap().is_none(), "nobody has claimed it");
}

#[tokio::test(start_paused = true)]
async fn a_failing_candidate_is_taken_back_and_the_report_says_why() {
    let place = Place::new(Behaviour::new().error_rate(0.3));
    let handle = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    let outcome = handle.outcome().await.unwrap();
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(outcome.why().contains("error_rate"), "{}", outcome.why());
    assert!(place.is_marked_off());
    place.assert_safe();
}

#[tokio::test(start_paused = true)]
async fn a_raise_waits_for_its_save_and_an_off_does_not() {
    let place = Place::new(Behaviour::new());
    let faults = Faults::default();
    let handle = place.rollout("one", faults.clone()).start(revision("v2")).await.unwrap();
    in_stage(&handle, "bake-10%").await;
    faults.from_now_on(Call::Save, Fault::Fail(FailureKind::Transient));
    until(&handle, |status| status.stage.as_str() == "scale-candidate-2").await;
    place.clock.sleep(Duration::from_mins(2)).await;
    let candidate = place.world.with(shepherd_testkit::world::World::workload).candidate;
    assert_eq!(candidate.desired, Replicas::new(1), "two were decided, but that was never saved");
    assert_eq!(place.weight(), "10%");

    // Acknowledged by the router's word, since the store gives none any more.
    handle.abort(ada(), "no store").await.unwrap();
    assert_eq!(place.weight(), "0%");
    assert!(place.is_marked_off());
}

#[tokio::test(start_paused = true)]
async fn taking_off_overtakes_a_raise_that_backs_off_and_a_call_that_hangs() {
    for fault in [Fault::Fail(FailureKind::Transient), Fault::Hang, Fault::Late(Duration::from_secs(20))] {
        let place = Place::new(Behaviour::new());
        let faults = FaultPlan::new().nth(Call::Route, 2, fault);
        let handle = place.rollout("one", faults).start(revision("v2")).await.unwrap();
        until(&handle, |status| status.exposure.weight.to_string() == "50%").await;
        let before = place.clock.now().elapsed;
        handle.abort(ada(), "enough").await.unwrap();
        let took = place.clock.now().elapsed - before;
        assert!(took < Duration::from_secs(1), "{fault:?}: {took:?}");
        assert_eq!(place.weight(), "0%", "{fault:?}");
        assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Aborted, "{fault:?}");
        place.clock.sleep(Duration::from_mins(1)).await;
        assert_eq!(place.weight(), "0%", "{fault:?}: a late write raised it");
        place.assert_safe();
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_adapter_is_an_error_of_that_adapter() {
    let place = Place::new(Behaviour::new());
    let faults = FaultPlan::new().nth(Call::Route, 2, Fault::Panic);
    let handle = place.rollout("one", faults).start(revision("v2")).await.unwrap();
    let outcome = handle.outcome().await.unwrap();
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(outcome.why().contains("expose-50%"), "{}", outcome.why());
}

#[tokio::test(start_paused = true)]
async fn short_faults_of_every_call_are_survived() {
    for call in
        [Call::ClaimRouting, Call::ClaimWorkload, Call::Route, Call::Deploy, Call::ObserveRouting, Call::Save]
    {
        for kind in [FailureKind::Transient, FailureKind::Conflict] {
            let place = Place::new(Behaviour::new());
            let faults = FaultPlan::new().between(call, 1, 3, Fault::Fail(kind));
            let handle = place.rollout("one", faults).start(revision("v2")).await.unwrap();
            let outcome = handle.outcome().await.unwrap();
            assert_eq!(outcome.ending(), Ending::Promoted, "{call:?} {kind}: {}", outcome.why());
            assert_eq!(place.failed(), 0, "{call:?} {kind}");
            place.assert_safe();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_asleep_through_its_bake_does_not_advance_unwatched() {
    let place = Place::new(Behaviour::new());
    let handle = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    in_stage(&handle, "bake-10%").await;
    place.clock.advance(Duration::from_mins(5));
    let before = place.clock.now().elapsed;
    until(&handle, |status| status.stage.as_str() != "bake-10%").await;
    let watched = place.clock.now().elapsed - before;
    assert!(watched > Duration::from_secs(25), "it went on after {watched:?}");
    assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Promoted);
}

#[tokio::test(start_paused = true)]
async fn unattended_for_too_long_it_is_held_or_taken_back_as_the_plan_says() {
    for (then, expected) in [(Unattended::Hold, None), (Unattended::RollBack, Some(Ending::RolledBack))] {
        let place = Place::new(Behaviour::new());
        let rollout = Rollout::of(target())
            .strategy(strategy())
            .attention(Attention::default().unattended(Duration::from_mins(1), then))
            .through(place.world.router())
            .on(place.world.workload())
            .stored_in(place.store.clone())
            .timed_by(place.clock.clone())
            .build()
            .unwrap();
        let handle = rollout.start(revision("v2")).await.unwrap();
        in_stage(&handle, "bake-10%").await;
        place.clock.advance(Duration::from_hours(1));
        match expected {
            None => {
                until(&handle, |status| status.paused.is_some()).await;
                handle.resume(ada()).await.unwrap();
                assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Promoted);
            }
            Some(ending) => assert_eq!(handle.outcome().await.unwrap().ending(), ending),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_makes_no_sense_is_refused_before_anything_is_changed() {
    let place = Place::new(Behaviour::new());
    let same = place.rollout("one", FaultPlan::new()).start(revision("v1")).await.err().unwrap();
    assert!(same.to_string().contains("candidate: v1 is not allowed"), "{same}");
    let unmeasured = Rollout::of(target())
        .guard("cpu > 3 for 1m".parse().unwrap())
        .on(place.world.workload())
        .measured_by(place.world.metrics())
        .build()
        .err()
        .unwrap();
    assert!(unmeasured.to_string().contains("cpu"), "{unmeasured}");
    place.world.with(|world, _| assert!(world.writes().is_empty()));
    // Nobody holds the target after a refusal.
    assert!(place.rollout("two", FaultPlan::new()).start(revision("v2")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_paused_rollout_keeps_its_guards_awake() {
    let place = Place::new(Behaviour::new());
    let handle = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    in_stage(&handle, "bake-10%").await;
    handle.pause(ada(), "lunch").await.unwrap();
    place.clock.sleep(Duration::from_hours(1)).await;
    assert_eq!(handle.status().stage.as_str(), "bake-10%");
    place.world.with(|world, now| world.set_behaviour(now, revision("v2"), Behaviour::new().error_rate(0.5)));
    let outcome = handle.outcome().await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack(_)), "{}", outcome.why());
    assert_eq!(handle.status().phase, Phase::Finished);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_makes_of_stable_after_its_promotion_is_told_until_it_is_undone() {
    let place = Place::new(Behaviour::new());
    let faults = Faults::default();
    let handle = place.rollout("one", faults.clone()).start(revision("v2")).await.unwrap();
    until(&handle, |status| status.stage.as_str() == "promote").await;
    // Nobody drives it when that happens: a return that was decided is not decided again.
    faults.from_now_on(Call::Route, Fault::Fail(FailureKind::Transient));
    until(&handle, |status| status.stage.as_str() == "return").await;
    handle.detach().await;
    place.world.with(|world, now| world.edit(now, Track::Stable, revision("v9")));
    let handle = place.rollout("one", FaultPlan::new()).start(revision("v2")).await.unwrap();
    until(&handle, |status| {
        status
            .waiting
            .on
            .to_string()
            .contains("stable replicas are ready (somebody has made it v9; undo that)")
    })
    .await;
    place.world.with(|world, now| world.edit(now, Track::Stable, revision("v2")));
    assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Promoted);
    assert_eq!(place.failed(), 0);
}
