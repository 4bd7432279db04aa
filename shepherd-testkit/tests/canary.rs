//! A whole canary in the simulated world.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use shepherd_core::machine::{Command, Happening, Outcome};
use shepherd_core::model::{Actor, Exposure, FailureKind, Replicas, Revision, RouterCapabilities, Track};
use shepherd_core::plan::{Change, Plan};
use shepherd_core::strategy::{BlueGreen, Canary, Rolling, Strategy};
use shepherd_testkit::faults::{Call, Fault, FaultPlan};
use shepherd_testkit::simulation::{Crash, Ended, Kept, Simulation, Wire};
use shepherd_testkit::world::{Behaviour, World};

fn change() -> Change {
    Change::new("shop/web".parse().unwrap(), revision("v1"), revision("v2"))
        .replicas(Replicas::new(4))
        .router(RouterCapabilities::weighted().with_swaps())
        .guard("error_rate > 5% for 30s".parse().unwrap())
}

fn canary() -> Plan {
    Canary::default().plan(&change()).unwrap()
}

fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

fn ann() -> Actor {
    Actor::new("ann").unwrap()
}

#[test]
fn five_stages_are_promoted_without_a_failed_request() {
    let plan = canary();
    let report = Simulation::new(plan.clone(), World::of(&plan)).run();
    assert!(report.promoted(), "{:?} {:#?}", report.ended, report.events);
    assert_eq!(report.failed(), 0);
    assert_eq!(report.violations(), []);
    assert!(report.elapsed > Duration::from_mins(25), "{:?}", report.elapsed);
    let offered = 240.0 * report.elapsed.as_secs_f64();
    assert!((report.world.total().requests - offered).abs() < 1.0);
    assert!(report.world.of_revision(&revision("v2")).requests() > report.requests() / 3);
}

#[test]
fn a_failing_candidate_is_rolled_back_by_its_guard() {
    let plan = canary();
    let world = World::of(&plan).behaviour(revision("v2"), Behaviour::new().error_rate(0.2));
    let report = Simulation::new(plan, world).run();
    assert!(report.rolled_back(), "{:?} {:#?}", report.ended, report.events);
    let cause = report.outcome.as_ref().map(Outcome::why).unwrap();
    assert!(cause.contains("error_rate"), "{cause}");
    assert_eq!(report.violations(), []);
    // A tenth of 240 requests a second, for 30 s and a few beats, a fifth of them failed.
    assert!((100..=350).contains(&report.failed()), "{}", report.failed());
    assert!(report.world.exposure().is_off());
}

#[test]
fn every_strategy_drops_nothing() {
    let mut unrouted = change();
    unrouted.router = None;
    let plans = [
        BlueGreen::new().plan(&change()).unwrap(),
        Rolling::new().plan(&unrouted).unwrap(),
        Canary::default().plan(&unrouted).unwrap(),
    ];
    for plan in plans {
        let report = Simulation::new(plan.clone(), World::of(&plan)).run();
        assert!(report.promoted(), "{}: {:?} {:#?}", plan.strategy(), report.ended, report.events);
        assert_eq!((report.failed(), report.violations()), (0, &[][..]), "{}", plan.strategy());
    }
}

#[test]
fn an_image_that_is_missing_never_meets_a_user() {
    let plan = canary();
    let world = World::of(&plan).behaviour(revision("v2"), Behaviour::new().stuck("ErrImagePull"));
    let report = Simulation::new(plan, world).run();
    assert!(report.rolled_back());
    assert_eq!((report.failed(), report.world.of_track(Track::Candidate).requests()), (0, 0));
}

#[test]
fn an_abort_takes_the_traffic_off_with_the_very_next_write() {
    let plan = canary();
    let abort = Command::Abort { reason: "lunch".into() };
    let report =
        Simulation::new(plan.clone(), World::of(&plan)).at(Duration::from_secs(400), ann(), abort).run();
    assert!(matches!(report.outcome, Some(Outcome::Aborted(_))));
    let routes: Vec<_> = report.writes().iter().filter_map(|write| write.route()).collect();
    assert_eq!(routes.last().unwrap().exposure, Exposure::OFF);
    assert_eq!(report.failed(), 0);
    assert!(report.happened(|what| *what == Happening::TakenOff));
}

#[test]
fn a_kill_after_any_step_leads_to_the_same_end() {
    let plan = Canary::weights([50, 100]).unwrap().every(Duration::from_mins(1)).plan(&change()).unwrap();
    let steps = Simulation::new(plan.clone(), World::of(&plan)).run().steps;
    for step in 1..steps {
        for (wire, kept) in [(Wire::Lost, Kept::Saved), (Wire::Lands, Kept::Saved), (Wire::Lands, Kept::All)]
        {
            let crash = Crash::after_step(step).down_for(Duration::from_secs(5)).wire(wire).kept(kept);
            let report = Simulation::new(plan.clone(), World::of(&plan)).crash(crash).run();
            assert!(report.promoted(), "{crash:?} {:?} {:#?}", report.ended, report.events);
            assert_eq!((report.failed(), report.violations()), (0, &[][..]), "{crash:?}");
            assert_eq!(report.processes, 2);
        }
    }
}

#[test]
fn faults_of_every_kind_end_somewhere_and_hurt_nobody() {
    let plan = Canary::weights([50, 100]).unwrap().every(Duration::from_mins(1)).plan(&change()).unwrap();
    let faults = [
        Fault::Fail(FailureKind::Transient),
        Fault::Fail(FailureKind::Conflict),
        Fault::Fail(FailureKind::Denied),
        Fault::Hang,
        Fault::AnswerLost,
        Fault::Late(Duration::from_secs(30)),
        Fault::Slow(Duration::from_secs(5)),
        Fault::Slow(Duration::from_secs(50)),
        Fault::Garbage,
        Fault::Panic,
    ];
    let cases = Call::OF_EFFECTS
        .into_iter()
        .chain([Call::Save])
        .flat_map(|call| faults.into_iter().flat_map(move |fault| (1..6).map(move |nth| (call, nth, fault))));
    let mut hurt = Vec::new();
    for (call, nth, fault) in cases {
        let planned = FaultPlan::new().nth(call, nth, fault);
        let report = Simulation::new(plan.clone(), World::of(&plan)).faults(planned).run();
        if report.ended != Ended::Done || report.failed() > 0 || !report.violations().is_empty() {
            let (ended, failed, violations) = (&report.ended, report.failed(), report.violations());
            hurt.push(format!("{call:?} {nth} {fault:?}: {ended:?}, {failed} failed, {violations:?}"));
        }
    }
    assert!(hurt.is_empty(), "{}", hurt.join("\n"));
}
