//! What a dry run reckons is what happens: at no moment does the way back take longer than it says, and the worst of
//! them takes about so long.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use shepherd_core::machine::{Command, Happening};
use shepherd_core::model::{Actor, GateName, Replicas, Revision, RouterCapabilities, Track, Weight};
use shepherd_core::plan::{Approval, Change, GateCheck, Headroom, Mode, Plan, Promotion, Recovery, Stage};
use shepherd_core::strategy::{BlueGreen, Canary, Count, Rolling, Strategy};
use shepherd_testkit::faults::{Call, Fault, FaultPlan};
use shepherd_testkit::simulation::{SimReport, Simulation};
use shepherd_testkit::world::{Behaviour, World};

const A_MINUTE: Duration = Duration::from_mins(1);
/// A call that gets no answer, and the pause before it is made again.
const LOST: Duration = Duration::from_secs(11);
/// Between two looks: what is ready is seen only later, and a moment lies between.
const START_UPS: [Duration; 3] =
    [Duration::from_millis(5_500), Duration::from_millis(30_500), Duration::from_millis(90_500)];

fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

fn change(replicas: u32) -> Change {
    Change::new("shop/web".parse().unwrap(), revision("v1"), revision("v2")).replicas(Replicas::new(replicas))
}

fn routed(replicas: u32) -> Change {
    change(replicas).router(RouterCapabilities::weighted().with_swaps())
}

fn ready_within(start_up: Duration) -> Recovery {
    Recovery::default().ready_within(start_up)
}

fn rolling(surge: u32, unavailable: u32, start_up: Duration) -> Rolling {
    let rolling = Rolling::new().max_surge(Count::number(surge)).max_unavailable(Count::number(unavailable));
    rolling.recovery(ready_within(start_up))
}

fn canary(start_up: Duration) -> Canary {
    Canary::weights([10, 50, 100]).unwrap().every(A_MINUTE).recovery(ready_within(start_up))
}

/// A world whose replicas take just so long to become ready, of whichever revision.
fn simulation(plan: &Plan, start_up: Duration) -> Simulation {
    let behaves = Behaviour::new().start_up(start_up);
    let world = World::of(plan).behaviour(revision("v1"), behaves.clone());
    Simulation::new(plan.clone(), world.behaviour(revision("v2"), behaves))
}

/// For each stage up to the promotion the moment at which it begins, one in the midst of it, and the last one.
fn moments(plan: &Plan, start_up: Duration) -> Vec<Duration> {
    let report = simulation(plan, start_up).run();
    assert!(report.promoted(), "{:#?}", report.events);
    let dawn = report.events[0].at;
    let at =
        |wanted: Happening| report.events.iter().find(|event| event.what == wanted).unwrap().at.since(dawn);
    let span = |stage: &Stage| {
        let (begun, ended) =
            (at(Happening::Entered(stage.name().clone())), at(Happening::Completed(stage.name().clone())));
        let long = ended.saturating_sub(begun);
        [begun, begun + long / 2, begun + long.saturating_sub(Duration::from_millis(1))]
    };
    let mut moments: Vec<_> =
        plan.stages()[..=usize::from(plan.promote_stage())].iter().flat_map(span).collect();
    moments.dedup();
    moments
}

/// From the trigger until no new request meets the candidate: off behind a router, or its replicas gone.
fn way_back(plan: &Plan, report: &SimReport) -> Duration {
    let at = |wanted: &dyn Fn(&Happening) -> bool| {
        report.events.iter().find(|event| wanted(&event.what)).map(|event| event.at)
    };
    let triggered = at(&|what| matches!(what, Happening::Triggered(_))).unwrap();
    let taken_off = |what: &Happening| matches!(what, Happening::TakenOff);
    let finished = |what: &Happening| matches!(what, Happening::Finished(_));
    let back = if plan.mode().routed() { at(&taken_off) } else { at(&finished) };
    let left = report.world.serving_replicas(Track::Candidate);
    assert!(left.is_empty() && report.world.exposure().is_off(), "{left:?}");
    back.map_or(Duration::ZERO, |back| back.since(triggered))
}

fn aborted(simulation: Simulation, at: Duration) -> SimReport {
    let (ann, reason) = (Actor::new("ann").unwrap(), "worst moment".into());
    simulation.at(at, ann, Command::Abort { reason }).run()
}

/// The longest way back of all moments.
fn longest(plan: &Plan, start_up: Duration) -> Duration {
    let took = |at| way_back(plan, &aborted(simulation(plan, start_up), at));
    moments(plan, start_up).into_iter().map(took).max().unwrap()
}

/// No moment takes longer than was said, and but for the lost call the worst takes at least half of it.
fn is_true(plan: &Plan, start_up: Duration) {
    let said = plan.dry_run().worst_way_back();
    let (took, least) = (longest(plan, start_up), said.saturating_sub(LOST) / 2);
    assert!(took <= said && took >= least, "{took:?} and not {said:?}\n{}", plan.dry_run());
}

#[test]
fn in_place_it_takes_the_batches_that_were_said() {
    for (replicas, surge, unavailable) in [(4, 1, 1), (10, 3, 2), (6, 1, 0), (7, 0, 2), (1, 1, 0), (5, 5, 0)]
    {
        for start_up in START_UPS {
            is_true(&rolling(surge, unavailable, start_up).plan(&change(replicas)).unwrap(), start_up);
        }
    }
}

#[test]
fn by_replicas_it_takes_the_batches_that_were_said() {
    for replicas in [1, 4, 10] {
        for start_up in START_UPS {
            is_true(&canary(start_up).plan(&change(replicas)).unwrap(), start_up);
            let swap = canary(start_up).promotion(Promotion::Swap);
            is_true(&swap.plan(&change(replicas)).unwrap(), start_up);
        }
    }
}

#[test]
fn while_promoting_by_copy_it_takes_one_start_up() {
    for replicas in [1, 4, 10] {
        for start_up in START_UPS {
            let plan = canary(start_up).plan(&routed(replicas)).unwrap();
            is_true(&plan, start_up);
            let a_look = Duration::from_secs(1);
            assert_eq!(plan.dry_run().worst_way_back(), LOST + start_up + a_look);
        }
    }
}

#[test]
fn while_the_old_replicas_are_warm_it_takes_one_write() {
    let start_up = START_UPS[1];
    for plan in [
        BlueGreen::new().plan(&routed(4)).unwrap(),
        canary(start_up).promotion(Promotion::Swap).plan(&routed(4)).unwrap(),
    ] {
        assert_eq!(plan.dry_run().worst_way_back(), LOST);
        assert_eq!(longest(&plan, start_up), Duration::ZERO);
    }
}

/// Plans of one's own, where the worst moment is not the last one, or there is none.
#[test]
fn of_any_plan_the_worst_moment_is_found() {
    let start_up = START_UPS[1];
    let (four, none) = (Replicas::new(4), Replicas::ZERO);
    let shrunk = Plan::builder(&routed(4), "shrunk")
        .promotion(Promotion::Swap)
        .scale(Track::Candidate, four)
        .weight(Weight::FULL)
        .bake(A_MINUTE)
        .scale(Track::Stable, none)
        .bake(A_MINUTE)
        .promote();
    let beside = Plan::builder(&change(4), "beside")
        .mode(Mode::Ratio(Headroom { surge: four, unavailable: none }))
        .promotion(Promotion::Swap)
        .scale(Track::Candidate, four)
        .bake(A_MINUTE)
        .promote();
    let early = Plan::builder(&change(4), "early")
        .mode(Mode::InPlace(Headroom { surge: Replicas::new(2), unavailable: Replicas::new(2) }))
        .promotion(Promotion::Swap)
        .scale(Track::Candidate, Replicas::new(2))
        .scale(Track::Stable, none)
        .bake(A_MINUTE)
        .scale(Track::Stable, Replicas::new(2))
        .scale(Track::Candidate, four)
        .bake(A_MINUTE)
        .promote();
    for (plan, told) in [
        (shrunk, "worst from scale-stable-0 to the promotion: v1 is put back on stable"),
        (beside, "until the promotion: the new ones end by one write"),
        (
            early,
            "worst from scale-stable-0 to the promotion: all 4 replicas are put back in 1 batch, about 43s",
        ),
    ] {
        let plan = plan.recovery(ready_within(start_up)).build().unwrap();
        let run = plan.dry_run().to_string();
        assert!(run.contains(told), "{run}");
        is_true(&plan, start_up);
    }
}

/// The one call that is reckoned with: it gets no answer, whichever it is.
#[test]
fn one_lost_call_is_reckoned_with() {
    let start_up = START_UPS[1];
    for plan in [
        rolling(1, 1, start_up).plan(&change(4)).unwrap(),
        canary(start_up).plan(&change(4)).unwrap(),
        canary(start_up).plan(&routed(4)).unwrap(),
        BlueGreen::new().plan(&routed(4)).unwrap(),
    ] {
        let (said, moments) = (plan.dry_run().worst_way_back(), moments(&plan, start_up));
        let late = &moments[moments.len().saturating_sub(8)..];
        for (call, at) in
            [Call::Deploy, Call::Route].into_iter().flat_map(|call| late.iter().map(move |at| (call, *at)))
        {
            for nth in 1..16 {
                let lost = FaultPlan::new().nth(call, nth, Fault::Hang);
                let report = aborted(simulation(&plan, start_up).faults(lost), at);
                let took = way_back(&plan, &report);
                assert!(
                    took <= said,
                    "{call:?} {nth} at {at:?}: {took:?} and not {said:?}\n{:#?}",
                    report.events
                );
            }
        }
    }
}

/// A plan whose stages begin and end between the beats, while users meet the candidate.
fn asking(guard: &str) -> Plan {
    let gate = GateCheck::new(GateName::new("smoke").unwrap()).every(Duration::from_secs(7));
    Plan::builder(&routed(4).guard(guard.parse().unwrap()), "asking")
        .promotion(Promotion::Swap)
        .scale(Track::Candidate, Replicas::new(4))
        .weight(Weight::percent(50).unwrap())
        .check(gate.clone().passes(3))
        .approve(Approval::of_anybody(1))
        .check(gate.clone().passes(2))
        .check(gate.passes(3))
        .bake(A_MINUTE)
        .weight(Weight::FULL)
        .bake(A_MINUTE)
        .promote()
        .build()
        .unwrap()
}

/// A guard fires no later than the dry run says, at whatever moment the candidate turns bad; nor sooner than its `for`.
#[test]
fn a_guard_fires_as_soon_as_was_said() {
    for (guard, held, within) in [("error_rate > 0%", 0, 10), ("error_rate > 0% for 30s", 30, 50)] {
        let plan = asking(guard);
        let [held, within] = [held, within].map(Duration::from_secs);
        assert_eq!(plan.dry_run().slowest_guard(), Some(within), "a beat before the for, and one behind it");
        for at in (5_000..120_000).step_by(900).map(Duration::from_millis) {
            let bad = |world: &mut World, now| {
                world.set_behaviour(now, revision("v2"), Behaviour::new().error_rate(0.5));
            };
            let report = simulation(&plan, Duration::from_secs(2))
                .at(Duration::from_secs(24), Actor::new("ann").unwrap(), Command::Approve)
                .twist(at, bad)
                .run();
            assert!(report.rolled_back(), "{at:?} {:#?}", report.events);
            let triggered = report.events.iter().find(|event| matches!(event.what, Happening::Triggered(_)));
            let took = triggered.unwrap().at.since(report.events[0].at + at);
            assert!((held..=within).contains(&took), "{took:?} when bad after {at:?}");
        }
    }
}
