//! 5. Abort is accepted in every state that is not final. Final states stay final.

use proptest::prelude::*;
use shepherd_core::machine::{Answer, Command, Ending, Happening, Input, Machine, Outcome};
use shepherd_core::model::{Elapsed, Now, Track};
use shepherd_testkit::world::Written;

use super::generate::{Case, Lever, actor, anything, calm, secs};
use super::trail::Trail;

/// Where the rollout stands when the lever is pulled.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stands {
    Before,
    After,
    Back,
    Ended,
}

fn stands(trail: &Trail, nth: usize) -> Stands {
    let mut stands = Stands::Before;
    for taken in &trail.taken[..nth] {
        for event in &taken.events {
            match event {
                Happening::Triggered(_) => stands = Stands::Back,
                Happening::Completed(stage)
                    if *stage == *trail.plan.stage(trail.plan.promote_stage()).unwrap().name() =>
                {
                    stands = Stands::After;
                }
                Happening::Finished(_) => stands = Stands::Ended,
                _ => {}
            }
        }
    }
    stands
}

fn abort_at(case: &Case, at: u32) -> Result<(), TestCaseError> {
    let without = Trail::of(case);
    let trail = Trail::of(&case.lever(at, Lever::Abort));
    let pulled = trail.taken.iter().position(|taken| matches!(taken.input, Input::Commanded { .. }));
    let Some(nth) = pulled else { return Ok(()) };
    let (stands, taken) = (stands(&trail, nth), &trail.taken[nth]);
    prop_assert_eq!(taken.refused, stands == Stands::Ended, "{:?}\n{}", stands, trail.tell());
    let Some(outcome) = &trail.report.outcome else { return Err(TestCaseError::fail(trail.tell())) };
    match stands {
        Stands::Before if trail.taken[..nth].iter().all(|taken| taken.offered.is_empty()) => {}
        Stands::Before => {
            prop_assert_eq!(outcome.ending(), Ending::Aborted, "{}", trail.tell());
            restored(&trail, taken.at)?;
        }
        Stands::After => {
            prop_assert_eq!(outcome.ending(), Ending::Promoted, "{}", trail.tell());
            let next = outcome.report().next.as_ref();
            prop_assert!(
                next.is_some_and(|next| next.revision == *trail.plan.stable() && next.by == actor("ada")),
                "{}",
                trail.tell()
            );
        }
        // It changes nothing.
        Stands::Back | Stands::Ended => {
            prop_assert_eq!(trail.report.writes(), without.report.writes(), "{}", trail.tell());
            prop_assert_eq!(
                trail.report.outcome.as_ref().map(Outcome::why),
                without.report.outcome.as_ref().map(Outcome::why)
            );
        }
    }
    Ok(())
}

/// Where stable was overwritten its template comes back before any traffic moves; and in the end all is as before.
fn restored(trail: &Trail, asked: Elapsed) -> Result<(), TestCaseError> {
    let (plan, writes) = (&trail.plan, trail.report.writes());
    let mut overwritten = false;
    for write in writes {
        match &write.what {
            Written::Deploy { spec, .. } if spec.track == Track::Stable => {
                overwritten = spec.revision != *plan.stable();
            }
            Written::Route { before, route } if write.at >= asked && route.exposure != *before => {
                prop_assert!(!overwritten, "traffic moves to an overwritten stable\n{}", trail.tell());
            }
            _ => {}
        }
    }
    let mut world = trail.report.world.clone();
    let state = world.workload(trail.report.world.now());
    prop_assert_eq!(state.stable.revision.as_ref(), Some(plan.stable()));
    prop_assert_eq!(
        (state.stable.desired, state.candidate.desired.get()),
        (plan.replicas(), 0),
        "{}",
        trail.tell()
    );
    Ok(())
}

/// Once there is an outcome, nothing that it is told changes it.
fn final_stays_final(case: &Case) -> Result<(), TestCaseError> {
    let mut last: Option<(Machine, Now)> = None;
    let mut first: Option<Ending> = None;
    let mut changed = None;
    let report = case.simulation().run_watched(&mut |glance| {
        if let Some(outcome) = glance.machine.outcome() {
            let ending = *first.get_or_insert(outcome.ending());
            if ending != outcome.ending() {
                changed = Some((ending, outcome.ending()));
            }
            last = Some((glance.machine.clone(), Now { elapsed: glance.at, ..Now::default() }));
        }
    });
    // A kill before the end was saved lets it happen again, and it may end otherwise.
    if case.crashes.is_empty() {
        prop_assert_eq!(changed, None, "{:#?}", report.events);
    }
    let Some((mut machine, now)) = last else { return Ok(()) };
    let before = machine.outcome().cloned();
    for lever in [
        Lever::Abort,
        Lever::RollBack { force: true },
        Lever::Promote,
        Lever::Skip,
        Lever::Supersede("v9"),
        Lever::Resume,
        Lever::Pause,
    ] {
        let step = machine.step(now, Input::Commanded { by: actor("eve"), command: lever.command() });
        prop_assert!(step.refused.is_some(), "{lever:?}");
    }
    for effect in machine.pending().effects.iter().map(|(id, _)| *id).collect::<Vec<_>>() {
        let _ = machine.step(now, Input::Answered { effect, answer: Answer::Done });
    }
    for _ in 0..20 {
        let later = Now { elapsed: now.elapsed + secs(3600), ..now };
        let _ = machine.step(later, Input::Tick);
    }
    prop_assert_eq!(before.as_ref().map(Outcome::ending), machine.outcome().map(Outcome::ending));
    Ok(())
}

fn unpaused(mut case: Case) -> Case {
    case.plan.pauses = false;
    case
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn an_abort_is_accepted_whenever_it_is_not_over(case in calm().prop_map(unpaused), at in 0u32..500) {
        abort_at(&case, at)?;
    }

    #[test]
    fn what_has_ended_never_changes(case in anything()) {
        final_stays_final(&case)?;
    }
}

/// At every instant of one rollout, also amid the promotion and the clean-up.
#[test]
fn an_abort_is_accepted_at_every_instant() {
    let (_, case) = super::six_resume::few();
    let all = Trail::of(&case);
    assert!(all.report.promoted(), "{}", all.tell());
    let seconds = u32::try_from(all.report.elapsed.as_secs()).unwrap();
    for at in 0..=seconds {
        abort_at(&case, at).unwrap();
    }
    let _ = Command::Resume;
}
