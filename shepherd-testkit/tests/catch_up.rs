//! What was written after the last save is told by its mark: whoever resumes goes on from there, and neither shows users
//! less in between nor believes marks that nobody here can have left.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use shepherd_core::machine::Happening;
use shepherd_core::model::{
    Exposure, GateName, Replicas, Revision, RouterCapabilities, StageIndex, Track, Weight,
};
use shepherd_core::plan::{Approval, Change, GateCheck, Plan};
use shepherd_core::strategy::{Canary, Strategy};
use shepherd_testkit::simulation::{Crash, SimReport, Simulation, Wire};
use shepherd_testkit::world::World;

fn change() -> Change {
    let revision = |name| Revision::new(name).unwrap();
    Change::new("shop/web".parse().unwrap(), revision("v1"), revision("v2"))
        .replicas(Replicas::new(4))
        .router(RouterCapabilities::weighted())
}

fn canary() -> Plan {
    Canary::weights([10, 50, 100]).unwrap().every(Duration::from_millis(500)).plan(&change()).unwrap()
}

fn killed(plan: &Plan, step: u64) -> SimReport {
    Simulation::new(plan.clone(), World::of(plan)).crash(Crash::after_step(step).wire(Wire::Lands)).run()
}

fn weights(report: &SimReport) -> Vec<Weight> {
    let routes = report.writes().iter().filter_map(|write| write.route());
    let mut weights: Vec<_> = routes.map(|route| route.exposure.weight).collect();
    weights.dedup();
    weights
}

#[test]
fn whoever_resumes_goes_on_from_what_was_written_and_shows_users_no_less() {
    let plan = canary();
    let whole = Simulation::new(plan.clone(), World::of(&plan)).run();
    let mut caught_up = 0;
    for step in 1..whole.steps {
        let report = killed(&plan, step);
        assert!(report.promoted(), "{step}: {:#?}", report.events);
        assert_eq!(weights(&report), weights(&whole), "{step}: {:#?}", report.events);
        assert_eq!(report.failed(), 0);
        caught_up += usize::from(report.happened(|what| matches!(what, Happening::CaughtUp(_))));
    }
    assert!(
        caught_up > 10,
        "{caught_up} of {}: too few kills came between a write and its save",
        whole.steps
    );
}

#[test]
fn a_stage_that_is_through_is_not_watched_again() {
    let plan =
        Canary::weights([10, 50, 100]).unwrap().every(Duration::from_millis(1)).plan(&change()).unwrap();
    let whole = Simulation::new(plan.clone(), World::of(&plan)).run();
    let entered = |report: &SimReport, name: &str| {
        let is = |what: &Happening| matches!(what, Happening::Entered(stage) if stage.as_str() == name);
        report.events.iter().filter(|event| is(&event.what)).count()
    };
    let reports: Vec<_> = (1..whole.steps).map(|step| killed(&plan, step)).collect();
    let passed: Vec<_> = reports
        .iter()
        .filter(|report| {
            report.happened(
                |what| matches!(what, Happening::CaughtUp(stage) if stage.as_str() == "expose-100%"),
            )
        })
        .collect();
    assert!(!passed.is_empty());
    assert!(passed.iter().all(|report| entered(report, "bake-10%") == 1 && entered(report, "bake-50%") == 1));
}

/// A gated, approved canary whose process dies early, and somebody rewrites the stage in a mark meanwhile.
#[test]
fn marks_from_behind_an_approval_that_was_never_given_are_not_believed() {
    let plan = Plan::builder(&change(), "by hand")
        .scale(Track::Candidate, Replicas::new(4))
        .weight(Weight::percent(10).unwrap())
        .bake(Duration::from_mins(1))
        .check(GateCheck::new(GateName::new("smoke").unwrap()))
        .approve(Approval::of_anybody(1))
        .weight(Weight::FULL)
        .promote()
        .expose(Exposure::OFF)
        .retire(Track::Candidate, Duration::ZERO)
        .build()
        .unwrap();
    let further = StageIndex::new(5);
    let (mut steps, mut shown) = (0, None);
    Simulation::new(plan.clone(), World::of(&plan)).limit(Duration::from_mins(1)).run_watched(
        &mut |glance| {
            steps += 1;
            let exposed = glance.step.events.iter().any(|event| matches!(event.what, Happening::Exposed(_)));
            if exposed && shown.is_none() {
                shown = Some((steps, Duration::from_millis(glance.at.as_millis())));
            }
        },
    );
    let (step, at) = shown.unwrap();
    let report = Simulation::new(plan.clone(), World::of(&plan))
        .crash(Crash::after_step(step).down_for(Duration::from_secs(10)))
        .twist(at + Duration::from_secs(5), move |world, now| {
            let mut route = world.writes().iter().rev().find_map(|write| write.route().cloned()).unwrap();
            route.mark.stage = further;
            route.mark.generation = route.mark.generation.next();
            world.route(now, &route).unwrap();
        })
        .limit(Duration::from_mins(10))
        .run();
    let why = report.events.iter().find_map(|event| match &event.what {
        Happening::Paused(why) => Some(why.to_string()),
        _ => None,
    });
    assert!(why.as_ref().is_some_and(|why| why.contains("approve was never begun")), "{:#?}", report.events);
    assert_eq!(weights(&report).into_iter().max(), Some(Weight::percent(10).unwrap()));
}
