//! 6. Kill the process at any point and resume: the same inputs lead to the same end, and users are never more exposed
//! than without the kill.

use std::time::Duration;

use proptest::prelude::*;
use shepherd_core::machine::{Happening, Outcome};
use shepherd_core::model::{Elapsed, Exposure, Revision, Track, Weight};
use shepherd_core::plan::Plan;
use shepherd_testkit::simulation::SimReport;

use super::generate::{Asked, Candidate, Case, Killed, Nature, Router, Shape, calm};
use super::trail::Trail;

pub(crate) fn few() -> (Plan, Case) {
    let plan = Asked {
        shape: Shape::Canary { weights: vec![50, 100], bake: 10, confirmed: false, swap: false },
        replicas: 2,
        router: Router { fenced: true, coarse: false, settle: 0 },
        guarded: true,
        beat: 5,
        drain: 5,
        pauses: false,
    };
    let nature = Nature { start_up: 2, candidate: Candidate::Well, propagation: 0, verdicts: vec![] };
    (plan.plan(), Case { plan, nature, faults: vec![], levers: vec![], twists: vec![], crashes: vec![] })
}

pub(crate) fn short() -> Plan {
    few().0
}

/// How users met the candidate, as it changed: the highest of each part so far, until the traffic was no longer meant
/// to be the candidate's.
fn exposures(report: &SimReport) -> Vec<(Elapsed, Exposure)> {
    report.writes().iter().filter_map(|write| Some((write.at, write.route()?.exposure.clone()))).collect()
}

/// The most of each part that users had met by then.
fn shown_by(exposures: &[(Elapsed, Exposure)], at: Elapsed) -> Exposure {
    exposures.iter().filter(|(since, _)| *since <= at).fold(Exposure::OFF, |most, (_, exposure)| {
        let matches = most.matches.iter().chain(&exposure.matches).cloned();
        Exposure::matching(matches)
            .with_weight(most.weight.max(exposure.weight))
            .mirrored(most.mirror.max(exposure.mirror))
    })
}

/// What is left when all is over.
fn left(report: &SimReport) -> (Exposure, Option<Revision>, u32, u32) {
    let mut world = report.world.clone();
    let now = world.now();
    let exposure = world.routing(now).map_or(Exposure::OFF, |routing| routing.exposure);
    let state = world.workload(now);
    (
        exposure,
        state.stable.revision.clone(),
        state.track(Track::Stable).desired.get(),
        state.candidate.desired.get(),
    )
}

/// The same end, and not more exposed on the way there.
fn as_without(base: &Trail, killed: &Trail, kill: &Killed, well: bool) -> Result<(), TestCaseError> {
    let tell = || format!("{kill:?}\n{}\nwithout the kill:\n{}", killed.tell(), base.tell());
    let (was, is) = (&base.report, &killed.report);
    prop_assert_eq!(&was.ended, &is.ended, "{}", tell());
    let ending = |report: &SimReport| report.outcome.as_ref().map(Outcome::ending);
    prop_assert_eq!(ending(was), ending(is), "{}", tell());
    prop_assert_eq!(left(was), left(is), "{}", tell());
    let (without, with) = (exposures(was), exposures(is));
    let most = |shown: &[(Elapsed, Exposure)]| {
        shown.iter().map(|(_, exposure)| exposure.weight).max().unwrap_or(Weight::ZERO)
    };
    prop_assert!(most(&with) <= most(&without), "{}", tell());
    // On the way up it is never ahead; back it may come late by as long as nobody drove.
    let top = without.iter().position(|(_, exposure)| exposure.is_off()).and_then(|off| without.get(off));
    let until = top.map_or(Elapsed::from_millis(u64::MAX), |(at, _)| *at);
    for (at, exposure) in with.iter().filter(|(at, _)| *at < until) {
        // A resumed process looks at once, where the other would have looked at its next beat.
        let bound = shown_by(&without, *at + Duration::from_secs(1));
        prop_assert!(!exposure.raises(&bound), "{exposure} at {at:?} instead of {bound}\n{}", tell());
    }
    let failed = |report: &SimReport| report.failed();
    if well {
        prop_assert_eq!(failed(is), failed(was), "{}", tell());
    }
    prop_assert!(is.violations().is_empty() || !was.violations().is_empty(), "{}", tell());
    prop_assert!(!killed.taken.is_empty() && is.processes == 2);
    Ok(())
}

/// Bakes and start-ups are short, so that every step of many rollouts can be tried; people wait for nobody.
fn small(mut case: Case) -> Case {
    match &mut case.plan.shape {
        Shape::Canary { bake, confirmed, weights, .. } => {
            *bake = *bake % 20 + 1;
            *confirmed = false;
            weights.drain(..weights.len().saturating_sub(2));
        }
        Shape::Ratio { bake, weights } => {
            *bake = *bake % 20 + 1;
            weights.drain(..weights.len().saturating_sub(2));
        }
        Shape::BlueGreen { bake, approved, .. } | Shape::AbTest { bake, approved, .. } => {
            *bake = *bake % 20 + 1;
            *approved = false;
        }
        Shape::Rolling { surge, unavailable, settle } => {
            // While a killed process is down, what its plan leaves unavailable stays so: users must not need it.
            *surge = (*surge).max(1);
            *unavailable = 0;
            *settle %= 10;
        }
        Shape::ByHand { bake, steps, .. } => {
            *bake = *bake % 20 + 1;
            steps.truncate(2);
            for step in steps {
                step.approved = false;
            }
        }
    }
    case.plan.pauses = false;
    case.plan.replicas = case.plan.replicas.min(3);
    case.plan.beat = case.plan.beat.max(4);
    case.nature.start_up %= 8;
    // How it ends must not depend on when it gets there.
    if matches!(case.nature.candidate, Candidate::FailingFrom(_) | Candidate::Crashing(_)) {
        case.nature.candidate = Candidate::Failing;
    }
    case.nature.verdicts.clear();
    case
}

fn at_every_step(case: &Case, down: u32, most: u64) -> Result<(), TestCaseError> {
    let base = Trail::of(case);
    let waits = base.report.events.iter().any(|event| matches!(event.what, Happening::Paused(_)));
    prop_assume!(base.report.outcome.is_some() && !waits);
    // Rollouts that wait long for what never comes look again and again: a part of those steps will do.
    let stride = (base.report.steps / most).max(1);
    for step in (1..base.report.steps).step_by(usize::try_from(stride).unwrap()) {
        for (lands, kept_all) in [(false, false), (true, false), (true, true), (false, true)] {
            let kill = Killed { step, down, lands, kept_all };
            let mut case = case.clone();
            case.crashes = vec![kill.clone()];
            let killed = Trail::of(&case);
            if killed.report.processes == 2 {
                super::three_off::off_at_once(&killed)?;
                as_without(&base, &killed, &kill, case.nature.candidate == Candidate::Well)?;
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(4))]

    #[test]
    fn a_kill_at_any_step_leads_to_the_same_end(
        case in calm().prop_map(small), down in prop_oneof![Just(0u32), 1u32..40],
    ) {
        at_every_step(&case, down, 40)?;
    }
}

#[test]
fn a_kill_at_every_step_of_a_canary_leads_to_the_same_end() {
    let (_, mut case) = few();
    at_every_step(&case, 0, u64::MAX).unwrap();
    case.nature.candidate = Candidate::Failing;
    at_every_step(&case, 7, u64::MAX).unwrap();
}
