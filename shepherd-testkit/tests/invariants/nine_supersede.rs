//! 9. A new revision mid-rollout first takes the traffic off the old candidate; the same revision again changes nothing;
//! stable's revision is an abort; during promotion it queues. Approvals start over.

use proptest::prelude::*;
use shepherd_core::machine::{Cause, Ending, Happening, Input};
use shepherd_core::model::Exposure;
use shepherd_testkit::world::Written;

use super::generate::{Case, Lever, actor, calm, revision};
use super::trail::Trail;

#[derive(Debug, PartialEq)]
enum Stands {
    Nowhere,
    Before,
    Promoting,
    Back,
    Ended,
}

/// Where it stands when the lever is pulled.
fn stands(trail: &Trail, nth: usize) -> Stands {
    let promote = trail.plan.stage(trail.plan.promote_stage()).unwrap().name();
    trail.taken[..nth].iter().flat_map(|taken| &taken.events).fold(Stands::Nowhere, |stands, event| {
        match event {
            Happening::Entered(stage) if stage == promote => Stands::Promoting,
            Happening::Entered(_) if stands == Stands::Nowhere => Stands::Before,
            Happening::Triggered(_) => Stands::Back,
            Happening::Finished(_) => Stands::Ended,
            _ => stands,
        }
    })
}

fn another(case: &Case, at: u32) -> Result<(), TestCaseError> {
    let trail = Trail::of(&case.lever(at, Lever::Supersede("v3")));
    let Some(nth) = trail.taken.iter().position(|taken| matches!(taken.input, Input::Commanded { .. }))
    else {
        return Ok(());
    };
    let stands = stands(&trail, nth);
    let outcome = trail.report.outcome.as_ref();
    prop_assert!(outcome.is_some(), "{}", trail.tell());
    let (ending, report) = outcome.map(|outcome| (outcome.ending(), outcome.report())).unwrap();
    let queued =
        report.next.as_ref().is_some_and(|next| next.revision == revision("v3") && next.by == actor("ada"));
    prop_assert_eq!(queued, stands != Stands::Ended, "{:?}\n{}", stands, trail.tell());
    let nobody_deploys_it = trail.report.writes().iter().all(|write| match &write.what {
        Written::Deploy { spec, .. } => spec.revision != revision("v3"),
        _ => true,
    });
    prop_assert!(nobody_deploys_it);
    match stands {
        Stands::Before => {
            prop_assert_eq!(ending, Ending::RolledBack, "{}", trail.tell());
            let superseded = matches!(&report.cause, Some(Cause::Superseded { revision: by, .. }) if *by == revision("v3"));
            prop_assert!(superseded, "{}", trail.tell());
            let exposed = trail.report.writes()[..trail.taken[nth].writes]
                .iter()
                .filter_map(|write| write.route())
                .next_back();
            if trail.plan.mode().routed() && exposed.is_some_and(|route| !route.exposure.is_off()) {
                let routes = trail.taken[nth].routes().map(|route| route.exposure.clone());
                prop_assert!(routes.count() == 1, "{}", trail.tell());
                let last = trail.report.writes().iter().filter_map(|write| write.route()).next_back();
                prop_assert_eq!(last.map(|route| route.exposure.clone()), Some(Exposure::OFF));
            }
        }
        // What is being promoted is promoted, unless it fails by itself; the other waits.
        Stands::Promoting => {
            let without = Trail::of(case);
            prop_assert_eq!(trail.report.writes(), without.report.writes(), "{}", trail.tell());
        }
        Stands::Back | Stands::Ended | Stands::Nowhere => {}
    }
    Ok(())
}

proptest! {
    #![proptest_config(super::cases(40))]

    #[test]
    fn another_revision_takes_the_old_candidate_off_first(case in calm().prop_map(unpaused), at in 0u32..400) {
        another(&case, at)?;
    }

    #[test]
    fn the_same_revision_again_changes_nothing(case in calm(), at in 0u32..400) {
        let (with, without) = (Trail::of(&case.lever(at, Lever::Supersede("v2"))), Trail::of(&case));
        prop_assert_eq!(with.report.writes(), without.report.writes(), "{}", with.tell());
        prop_assert_eq!(&with.report.outcome, &without.report.outcome);
    }

    #[test]
    fn stables_revision_is_an_abort(case in calm(), at in 0u32..400) {
        let (wanted, aborted) = (Trail::of(&case.lever(at, Lever::Supersede("v1"))), Trail::of(&case.lever(at, Lever::Abort)));
        let kinds = |trail: &Trail| -> Vec<_> { trail.report.writes().iter().map(|write| match &write.what {
            Written::Route { route, .. } => format!("{:?} {}", write.at, route.exposure),
            Written::Deploy { spec, .. } => format!("{:?} {spec:?}", write.at),
            other => format!("{:?} {other:?}", write.at),
        }).collect() };
        prop_assert_eq!(kinds(&wanted), kinds(&aborted), "{}", wanted.tell());
        let ending = |trail: &Trail| trail.report.outcome.as_ref().map(|outcome| (outcome.ending(), outcome.report().next.as_ref().map(|next| next.revision.clone())));
        prop_assert_eq!(ending(&wanted), ending(&aborted));
    }
}

fn unpaused(mut case: Case) -> Case {
    case.plan.pauses = false;
    case
}
