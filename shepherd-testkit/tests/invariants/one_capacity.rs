//! 1. No write sends traffic to a track, counted by revision, without ready capacity for it; weights add up to 100.

use proptest::prelude::*;
use shepherd_core::machine::{Answer, Effect, Input};
use shepherd_core::model::{Exposure, Routing, Track, Traffic, WorkloadState};
use shepherd_testkit::faults::Fault;
use shepherd_testkit::world::Wrong;

use super::generate::{Case, Lever, Twist, anything};
use super::trail::{Trail, needed, ready};

/// What a process knows, and so may decide by.
#[derive(Default)]
struct Known {
    workload: Option<WorkloadState>,
    routing: Option<Routing>,
}

/// Each routing write that shows the candidate to more users than the last look at the router did, and each that
/// returns traffic to stable, is decided on a look that shows the replicas for it.
fn decided_on_capacity(trail: &Trail, meddled: bool) -> Result<(), TestCaseError> {
    let mut known = Known::default();
    for taken in &trail.taken {
        if taken.began.is_some() {
            known = Known::default();
        }
        if let Some(workload) = taken.workload() {
            known.workload = Some(workload.clone());
        }
        if let (Input::Answered { answer: Answer::Routing(routing), .. }, Some(_)) =
            (&taken.input, &taken.answered)
        {
            known.routing = Some(routing.clone());
        }
        for route in taken.routes().filter(|route| route.mark.traffic == Traffic::On) {
            let weight = &route.exposure.weight;
            prop_assert_eq!(weight.as_hundredths() + weight.rest().as_hundredths(), 10_000);
            let shown = known.routing.as_ref().map_or(Exposure::OFF, |routing| routing.exposure.clone());
            let revision = |track| match track {
                // Traffic returns to stable once stable runs the candidate's revision, and stays there until then.
                Track::Stable if !route.exposure.is_off() => trail.plan.stable(),
                _ => trail.plan.candidate(),
            };
            for track in Track::BOTH {
                let enough = needed(&trail.plan, track, &route.exposure);
                let grows = match track {
                    Track::Stable => enough > needed(&trail.plan, track, &shown) && !meddled,
                    Track::Candidate => route.exposure.raises(&shown),
                };
                let seen = known.workload.as_ref().map(|seen| ready(seen, track, revision(track)));
                prop_assert!(
                    !grows || seen.is_some_and(|ready| ready >= enough),
                    "{} is decided on {seen:?} ready replicas of {track}, and needs {enough}\n{}",
                    route.exposure,
                    trail.tell()
                );
            }
        }
    }
    Ok(())
}

/// Nothing that makes what was looked at old before what was decided on it lands.
fn prompt(mut case: Case) -> Case {
    case.faults.retain(|broken| !matches!(broken.fault, Fault::Slow(_) | Fault::Late(_)));
    case.nature.propagation = 0;
    case
}

/// What the world itself calls wrong, but for what a person's force and stable's own misfortune excuse.
fn landed_on_capacity(case: &Case, trail: &Trail) -> Result<(), TestCaseError> {
    let forced = case.levers.iter().any(|(_, lever)| *lever == Lever::RollBack { force: true });
    let unlucky = case.twists.iter().any(|(_, twist)| matches!(twist, Twist::BreakStable(_)));
    let meddled = case.twists.iter().any(|(_, twist)| matches!(twist, Twist::Meddle(_)));
    for violation in trail.report.violations() {
        let excused = match &violation.what {
            Wrong::NoCapacity { track: Track::Stable, off, .. } => forced || meddled || (*off && unlucky),
            Wrong::NoCapacity { .. } => false,
            Wrong::TakesCapacity { .. } => forced || meddled,
            _ => true,
        };
        prop_assert!(excused, "{violation}\n{}", trail.tell());
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn every_raise_is_decided_on_ready_capacity(case in anything()) {
        // What somebody else raised is put right at once, whatever stable has.
        let meddled = case.twists.iter().any(|(_, twist)| matches!(twist, Twist::Meddle(_)));
        decided_on_capacity(&Trail::of(&case), meddled)?;
    }

    #[test]
    fn every_write_finds_ready_capacity(case in anything().prop_map(prompt)) {
        landed_on_capacity(&case, &Trail::of(&case))?;
    }
}

#[test]
fn the_oracle_sees_effects() {
    // A property over nothing would hold: most calm rollouts raise, by more than one write.
    let plan = super::six_resume::short();
    let trail = Trail::run(
        plan.clone(),
        shepherd_testkit::simulation::Simulation::new(
            plan.clone(),
            shepherd_testkit::world::World::of(&plan),
        ),
    );
    let routes: usize = trail.taken.iter().map(|taken| taken.routes().count()).sum();
    let deploys = trail
        .taken
        .iter()
        .flat_map(|taken| &taken.offered)
        .filter(|(_, effect)| matches!(effect, Effect::Deploy { .. }))
        .count();
    assert!(routes >= 3 && deploys >= 3 && trail.report.promoted(), "{}", trail.tell());
}
