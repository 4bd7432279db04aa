//! 10. Another revision that somebody gives stable in the midst of a rollout stays once it was seen: nothing that is
//! written to stable carries another one. It ends the rollout, and is what users go back to.

use proptest::prelude::*;
use shepherd_core::machine::{Cause, Effect, Ending, Happening};
use shepherd_core::model::{Replicas, StageName, Track};
use shepherd_core::plan::Plan;
use shepherd_testkit::simulation::Ended;

use super::generate::{Candidate, Case, EDITED, Said, Twist, anything, calm, killed, revision};
use super::trail::{Taken, Trail};

/// From the first look that shows it, until one shows that a write from before has come after it.
fn stays(trail: &Trail) -> Result<(), TestCaseError> {
    let (edited, mut seen, mut promoted) = (revision(EDITED), false, false);
    for taken in &trail.taken {
        if taken.workload().is_some() {
            seen = shows_it(taken);
        }
        promoted |= promotes(&trail.plan, taken);
        for (_, effect) in &taken.offered {
            let Effect::Deploy { spec, .. } = effect else { continue };
            let other = spec.track == Track::Stable && spec.revision != edited;
            prop_assert!(!(seen && !promoted && other), "{effect} overwrites {EDITED}\n{}", trail.tell());
        }
    }
    Ok(())
}

/// Where nothing else goes wrong, it is what ends the rollout, unless it came before or after all of it.
fn ends(trail: &Trail) -> Result<(), TestCaseError> {
    let seen = trail.taken.iter().any(|taken| {
        let showed = |workload: &shepherd_core::model::WorkloadState| {
            workload.stable.revision == Some(revision(EDITED))
        };
        taken.workload().is_some_and(showed)
    });
    if !seen {
        return Ok(());
    }
    let Some(outcome) = &trail.report.outcome else {
        prop_assert!(is_promoted_by_then(trail), "without end\n{}", trail.tell());
        return Ok(());
    };
    match outcome.ending() {
        Ending::RolledBack => {
            // Whoever finds it taken off already repeats why.
            let why = Cause::StableEdited(revision(EDITED)).to_string();
            prop_assert!(outcome.why().contains(&why), "{}", trail.tell());
            let mut world = trail.report.world.clone();
            let state = world.workload(trail.report.world.now());
            prop_assert_eq!(state.stable.revision, Some(revision(EDITED)), "{}", trail.tell());
            prop_assert_eq!(state.candidate.desired, Replicas::ZERO, "{}", trail.tell());
            prop_assert!(state.stable.desired >= trail.plan.replicas(), "{}", trail.tell());
        }
        Ending::Refused => {}
        other => prop_assert!(is_promoted_by_then(trail), "{other} all the same\n{}", trail.tell()),
    }
    Ok(())
}

fn shows_it(taken: &Taken) -> bool {
    taken.workload().is_some_and(|workload| workload.stable.revision == Some(revision(EDITED)))
}

/// Whether it was seen only when the promotion was through.
fn is_promoted_by_then(trail: &Trail) -> bool {
    let told = trail.taken.iter().find(|taken| shows_it(taken) || promotes(&trail.plan, taken));
    told.is_some_and(|taken| !shows_it(taken))
}

/// Whether it is known from then on that the promotion is through.
fn promotes(plan: &Plan, taken: &Taken) -> bool {
    let place = |name: &StageName| plan.stages().iter().position(|stage| stage.name() == name);
    let promote = plan.stage(plan.promote_stage()).and_then(|stage| place(stage.name()));
    taken.events.iter().any(|event| match event {
        Happening::Completed(stage) => place(stage) == promote,
        Happening::CaughtUp(stage) => place(stage) > promote,
        _ => false,
    })
}

fn edited(case: impl Strategy<Value = Case>) -> impl Strategy<Value = Case> {
    (case, 0u32..300).prop_map(|(mut case, at)| {
        case.twists.push((at, Twist::EditStable));
        case
    })
}

/// Nothing goes wrong but kills.
fn quiet() -> impl Strategy<Value = Case> {
    (calm(), prop::collection::vec(killed(), 0..3)).prop_map(|(mut case, crashes)| {
        case.plan.pauses = false;
        case.nature.candidate = Candidate::Well;
        case.nature.verdicts.retain(|said| *said == Said::Pass);
        case.crashes = crashes;
        case
    })
}

proptest! {
    #![proptest_config(super::cases(64))]

    #[test]
    fn what_somebody_gave_stable_stays_whatever_happens(case in edited(anything())) {
        stays(&Trail::of(&case))?;
    }

    #[test]
    fn what_somebody_gave_stable_ends_the_rollout(case in edited(quiet())) {
        let trail = Trail::of(&case);
        stays(&trail)?;
        ends(&trail)?;
    }
}

/// At every second of a canary.
#[test]
fn an_edit_is_heeded_at_every_instant() {
    let (_, case) = super::six_resume::few();
    let mut heeded = 0;
    for at in 0..=u32::try_from(Trail::of(&case).report.elapsed.as_secs()).unwrap() {
        let mut case = case.clone();
        case.twists = vec![(at, Twist::EditStable)];
        let trail = Trail::of(&case);
        assert_eq!(trail.report.ended, Ended::Done, "{}", trail.tell());
        stays(&trail).and_then(|()| ends(&trail)).unwrap();
        heeded += u32::from(trail.report.rolled_back());
    }
    assert!(heeded > 20, "{heeded}");
}
