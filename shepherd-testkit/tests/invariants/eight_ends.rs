//! 8. Every plan ends: no waiting state without a deadline, unless it is one that asks for a person. A rollback that
//! cannot write escalates and keeps trying.

use proptest::prelude::*;
use shepherd_core::machine::{Happening, Phase, Then, Waiting, WaitingFor};
use shepherd_core::model::FailureKind;
use shepherd_testkit::faults::{Call, Fault};
use shepherd_testkit::simulation::{Ended, SimReport};

use super::generate::{Broken, Candidate, Case, Lever, anything, calm};

/// A run, whether each of its waits was bounded, and what the last of them was.
struct Waited {
    report: SimReport,
    unbounded: Vec<Waiting>,
    last: Option<(Waiting, Phase)>,
}

fn tell(report: &SimReport) -> String {
    report.events.iter().map(|event| format!("{} {}\n", event.at, event.what)).collect()
}

fn asks(waiting: &Waiting) -> bool {
    matches!(waiting.on, WaitingFor::Person(_) | WaitingFor::Approval { .. })
}

fn run(case: &Case) -> Waited {
    let (mut unbounded, mut last, mut steps) = (Vec::new(), None, 0_u32);
    let report = case.simulation().run_watched(&mut |glance| {
        steps += 1;
        // A status is made for people: not at each of thousands of steps.
        if steps % 7 == 0 || glance.step.save != shepherd_core::machine::Save::No {
            let status = glance.machine.status();
            let waiting = status.waiting.clone();
            if waiting.left.is_none() && waiting.on != WaitingFor::Nothing && !asks(&waiting) {
                unbounded.push(waiting.clone());
            }
            last = Some((waiting, status.phase));
        }
    });
    Waited { report, unbounded, last }
}

fn ends(waited: &Waited) -> Result<(), TestCaseError> {
    let Waited { report, unbounded, last } = waited;
    prop_assert!(unbounded.is_empty(), "{unbounded:?}\n{}", tell(report));
    if report.ended != Ended::Done {
        let waits =
            report.ended == Ended::OutOfTime && last.as_ref().is_some_and(|(waiting, _)| asks(waiting));
        prop_assert!(waits, "{:?} {last:?}\n{}", report.ended, tell(report));
    }
    Ok(())
}

/// From some call on nothing of this kind can be done, for a long time; then it can again.
fn lifted(mut case: Case) -> Case {
    for broken in &mut case.faults {
        broken.many = broken.many.min(400);
    }
    case
}

fn permanent() -> impl Strategy<Value = Broken> {
    use FailureKind::{Conflict, Denied, Fenced, Permanent, Transient, Unsupported};
    let kinds = prop::sample::select(vec![Transient, Conflict, Denied, Fenced, Permanent, Unsupported]);
    (prop::sample::select(Call::OF_EFFECTS.to_vec()), 1u32..30, kinds)
        .prop_map(|(call, first, kind)| Broken { call, first, many: 400, fault: Fault::Fail(kind) })
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn whatever_happens_it_ends(case in anything().prop_map(lifted)) {
        ends(&run(&case))?;
    }

    /// One kind of call fails for good, and the way back may need it: the alarm is raised, and once the fault is lifted
    /// it ends.
    #[test]
    fn what_cannot_be_written_raises_the_alarm_and_is_tried_again(
        case in calm(), broken in permanent(), candidate in prop_oneof![Just(Candidate::Well), Just(Candidate::Failing)],
        abort in prop::option::of(0u32..200),
    ) {
        let mut case = case;
        case.nature.candidate = candidate;
        case.faults = vec![broken];
        if let Some(at) = abort {
            case.levers.push((at, Lever::Abort));
        }
        let waited = run(&case);
        ends(&waited)?;
        // Whoever was on the way back for longer than its deadline said so.
        let events = &waited.report.events;
        let triggered = events.iter().find(|event| matches!(event.what, Happening::Triggered(_)));
        let finished = events.iter().find(|event| matches!(event.what, Happening::Finished(_)));
        if let (Some(from), Some(to)) = (triggered, finished) {
            let took = to.at.since(from.at);
            let escalated = events.iter().filter(|event| matches!(event.what, Happening::Escalated(_))).count();
            let due = took.as_secs() / 120;
            prop_assert!(escalated as u64 + 1 >= due, "{took:?} {escalated}\n{}", tell(&waited.report));
        }
        let _ = Then::Escalate;
    }
}
