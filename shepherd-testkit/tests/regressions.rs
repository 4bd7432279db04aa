//! Scripts that once led somewhere else.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use shepherd_core::machine::{Command, Outcome};
use shepherd_core::model::{
    Actor, Exposure, FailureKind, Replicas, Revision, RouterCapabilities, Track, Weight,
};
use shepherd_core::plan::{Change, Plan};
use shepherd_core::strategy::{Canary, Strategy};
use shepherd_testkit::faults::{Call, Fault, FaultPlan};
use shepherd_testkit::simulation::{Crash, Ended, Simulation};
use shepherd_testkit::world::World;

fn plan(router: RouterCapabilities) -> Plan {
    let (v1, v2) = (Revision::new("v1").unwrap(), Revision::new("v2").unwrap());
    let change = Change::new("web".parse().unwrap(), v1, v2).replicas(Replicas::new(3)).router(router);
    Canary::weights([30, 100]).unwrap().every(Duration::from_secs(40)).plan(&change).unwrap()
}

/// A raise that a snapshot held, and that an abort withdrew before the new process began it, was waited for.
#[test]
fn an_abort_before_the_outside_is_known_ends_without_fences_too() {
    let plan = plan(RouterCapabilities::weighted().unfenced());
    for step in 1..40 {
        let crash = Crash::after_step(step).down_for(Duration::from_secs(42));
        let report = Simulation::new(plan.clone(), World::of(&plan))
            .faults(FaultPlan::new().between(Call::ObserveRouting, 2, 5, Fault::Hang))
            .crash(crash)
            .at(Duration::from_secs(21), Actor::new("ann").unwrap(), Command::Abort { reason: "no".into() })
            .run();
        assert_eq!(report.ended, Ended::Done, "{crash:?} {:#?}", report.events);
    }
}

/// A machine that had ended and only waited for a notifier asked to be stepped again at once.
#[test]
fn a_notifier_that_hangs_keeps_nobody_busy() {
    let plan = plan(RouterCapabilities::weighted());
    let hangs = FaultPlan::new().from(Call::Notify, 1, Fault::Hang);
    let report = Simulation::new(plan.clone(), World::of(&plan)).faults(hangs).run();
    assert_eq!(report.ended, Ended::Done);
}

/// A raise that was tried again did not look at capacity again.
#[test]
fn a_raise_is_tried_again_only_while_there_is_capacity_for_it() {
    let plan = plan(RouterCapabilities::weighted());
    let report = Simulation::new(plan.clone(), World::of(&plan))
        .faults(FaultPlan::new().between(Call::Route, 2, 12, Fault::Fail(FailureKind::Transient)))
        .twist(Duration::from_secs(46), |world, now| {
            world.break_replicas(now, Track::Candidate, Replicas::new(2));
        })
        .run();
    assert_eq!(report.ended, Ended::Done);
    assert_eq!(report.violations(), []);
}

/// More than was decided, shown while people were asked, was put right without a deadline.
#[test]
fn what_drifts_while_people_are_asked_is_put_right_within_a_deadline() {
    let (v1, v2) = (Revision::new("v1").unwrap(), Revision::new("v2").unwrap());
    let change = Change::new("web".parse().unwrap(), v1, v2).router(RouterCapabilities::weighted());
    let change = change.replicas(Replicas::new(4));
    let canary = Canary::weights([40, 100]).unwrap().every(Duration::from_secs(40)).confirmed();
    let plan = canary.plan(&change).unwrap();
    let drifted = |writes_refused: u32| {
        let refused =
            FaultPlan::new().between(Call::Route, 2, 1 + writes_refused, Fault::Fail(FailureKind::Transient));
        Simulation::new(plan.clone(), World::of(&plan))
            .faults(refused)
            .twist(Duration::from_mins(1), |world, now| {
                world.meddle(now, Exposure::weight(Weight::percent(50).unwrap()));
            })
            .at(Duration::from_mins(20), Actor::new("ann").unwrap(), Command::Approve)
            .run()
    };
    let report = drifted(2);
    assert!(report.promoted(), "people take as long as they like: {:#?}", report.events);
    let report = drifted(400);
    let cause = report.outcome.as_ref().map(Outcome::why).unwrap();
    assert!(report.rolled_back() && cause.contains("approve was not through within 5m"), "{cause}");
    assert!(report.elapsed < Duration::from_mins(10), "{:?}", report.elapsed);
}
