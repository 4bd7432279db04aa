//! 2. Add before remove: scale up before weight up; weight down, and a drain delay, before scale down.

use std::time::Duration;

use proptest::prelude::*;
use shepherd_core::model::{Elapsed, Exposure, Mark, Replicas, Track, Traffic};
use shepherd_core::plan::{Action, Mode};
use shepherd_testkit::faults::Fault;
use shepherd_testkit::world::Written;

use super::generate::{Case, Lever, Twist, anything};
use super::trail::{Trail, needed};

/// Without what lets a write land after others that were decided later, where nothing fences it, and without force.
fn in_order(mut case: Case) -> Case {
    case.twists.retain(|(_, twist)| !matches!(twist, Twist::Meddle(_)));
    case.levers.retain(|(_, lever)| *lever != Lever::RollBack { force: true });
    if !case.plan.router.fenced {
        case.faults
            .retain(|broken| !matches!(broken.fault, Fault::Slow(_) | Fault::Late(_) | Fault::AnswerLost));
        case.crashes.clear();
    }
    case
}

/// What ends replicas is the way back and a retire stage; a scale stage of a plan leaves what its traffic needs, and asks
/// for no drain.
fn drain_of(trail: &Trail, mark: &Mark) -> Duration {
    match trail.plan.stage(mark.stage).unwrap().action() {
        _ if mark.traffic == Traffic::Off => trail.plan.recovery().drain,
        Action::Retire { drain, .. } => *drain,
        _ => Duration::ZERO,
    }
}

fn routed(trail: &Trail) -> Result<(), TestCaseError> {
    let mut exposure = Exposure::OFF;
    let mut lowered: [Option<Elapsed>; 2] = [None, None];
    let mut replicas = [trail.plan.replicas(), Replicas::ZERO];
    for write in trail.report.writes() {
        match &write.what {
            Written::Route { route, .. } => {
                for (nth, track) in Track::BOTH.into_iter().enumerate() {
                    if needed(&trail.plan, track, &route.exposure) < needed(&trail.plan, track, &exposure) {
                        lowered[nth] = Some(write.at);
                    }
                    let wants = needed(&trail.plan, track, &route.exposure);
                    let grows = wants > needed(&trail.plan, track, &exposure);
                    prop_assert!(
                        !grows || route.mark.traffic == Traffic::Off || replicas[nth].get() >= wants,
                        "{} before {track} was scaled up\n{}",
                        route.exposure,
                        trail.tell()
                    );
                }
                exposure = route.exposure.clone();
            }
            Written::Deploy { spec, mark } => {
                let nth = usize::from(spec.track == Track::Candidate);
                if spec.replicas < replicas[nth] {
                    let wants = needed(&trail.plan, spec.track, &exposure);
                    prop_assert!(spec.replicas.get() >= wants, "{spec:?} under {exposure}\n{}", trail.tell());
                    let drain = drain_of(trail, mark);
                    let since = lowered[nth].filter(|_| spec.replicas == Replicas::ZERO);
                    prop_assert!(
                        since.is_none_or(|since| write.at - since >= drain),
                        "{spec:?} {:?} after its traffic went, and the drain is {drain:?}\n{}",
                        since.map(|since| write.at - since),
                        trail.tell()
                    );
                }
                replicas[nth] = spec.replicas;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Where replicas are the weight, so many of both together are meant to be there, always.
fn by_replicas(trail: &Trail) -> Result<(), TestCaseError> {
    let (Mode::InPlace(headroom) | Mode::Ratio(headroom)) = trail.plan.mode() else { return Ok(()) };
    let all = trail.plan.replicas().get();
    let mut meant = [all, 0];
    for write in trail.report.writes() {
        let Written::Deploy { spec, mark } = &write.what else { continue };
        meant[usize::from(spec.track == Track::Candidate)] = spec.replicas.get();
        let sum = meant[0] + meant[1];
        // On the way back a replica that is not ready serves nobody: whether ready ones remain is for the first invariant.
        let unready = mark.traffic == Traffic::Off && spec.track == Track::Candidate;
        prop_assert!(
            unready || sum + headroom.unavailable.get() >= all,
            "{spec:?} leaves {meant:?} of {all}\n{}",
            trail.tell()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn capacity_comes_first_and_goes_last(case in anything().prop_map(in_order)) {
        let trail = Trail::of(&case);
        if trail.plan.mode().routed() { routed(&trail)? } else { by_replicas(&trail)? }
    }
}
