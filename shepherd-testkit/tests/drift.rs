//! Somebody else changes the routing in the middle of a rollout, and the plan says what comes of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use shepherd_core::machine::{Command, Happening};
use shepherd_core::model::{Actor, Exposure, Replicas, Revision, RouterCapabilities, Weight};
use shepherd_core::plan::{Attention, Change, Drift, Plan};
use shepherd_core::strategy::{Canary, Strategy};
use shepherd_testkit::simulation::{SimReport, Simulation};
use shepherd_testkit::world::World;

const CHANGED: Duration = Duration::from_secs(30);
const RESUMED: Duration = Duration::from_mins(5);

fn plan(drift: Drift, router: RouterCapabilities) -> Plan {
    let revision = |name| Revision::new(name).unwrap();
    let change = Change::new("shop/web".parse().unwrap(), revision("v1"), revision("v2"))
        .replicas(Replicas::new(4))
        .router(router)
        .attention(Attention::default().every(Duration::from_secs(2)).drift(drift));
    Canary::weights([50, 100]).unwrap().every(Duration::from_mins(1)).plan(&change).unwrap()
}

fn changed(drift: Drift, percent: u32) -> SimReport {
    let plan = plan(drift, RouterCapabilities::weighted());
    let exposure = Exposure::weight(Weight::percent(percent).unwrap());
    Simulation::new(plan.clone(), World::of(&plan))
        .twist(CHANGED, move |world, now| world.meddle(now, exposure))
        .at(RESUMED, Actor::new("ada").unwrap(), Command::Resume)
        .run()
}

/// Whether it was promoted, after how long, and whether it paused, and somebody was told.
fn told(report: &SimReport) -> (bool, bool, bool) {
    let drifted = report.happened(|what| matches!(what, Happening::Drifted(_)));
    let paused = report.happened(|what| matches!(what, Happening::Paused(_)));
    (report.promoted(), drifted, paused)
}

/// The shares of users that were written, without what is written again.
fn written(report: &SimReport) -> Vec<String> {
    let routes = report.writes().iter().filter_map(|write| write.route());
    routes.map(|route| route.exposure.weight.to_string()).collect()
}

#[test]
fn more_is_put_back_at_once_whatever_the_plan_says() {
    for drift in [Drift::PauseWhenLess, Drift::Pause, Drift::PutBack] {
        let report = changed(drift, 90);
        assert_eq!(told(&report), (true, true, drift == Drift::Pause), "{drift:?}: {:#?}", report.events);
        let again =
            report.writes().iter().filter(|write| write.at.as_millis() > 30_000).find_map(|one| one.route());
        assert_eq!(again.map(|route| route.exposure.weight), Some(Weight::percent(50).unwrap()));
        let put_back = report.writes().iter().filter(|write| write.route().is_some()).nth(1).unwrap();
        assert!(put_back.at.as_millis() < 35_000, "{:?}", put_back.at);
        assert_eq!(written(&report), ["50%", "50%", "100%", "0%"]);
    }
}

#[test]
fn less_waits_for_a_person_unless_it_is_to_be_put_back() {
    for (drift, pauses) in [(Drift::PauseWhenLess, true), (Drift::Pause, true), (Drift::PutBack, false)] {
        let report = changed(drift, 10);
        assert_eq!(told(&report), (true, true, pauses), "{drift:?}: {:#?}", report.events);
        let again = report.writes().iter().filter(|write| write.route().is_some()).nth(1).unwrap();
        assert_eq!(again.at.as_millis() >= 300_000, pauses, "{:?}", again.at);
        assert_eq!(written(&report), ["50%", "50%", "100%", "0%"]);
    }
}

#[test]
fn where_no_mark_tells_who_took_it_off_it_stays_off() {
    let plan = plan(Drift::PutBack, RouterCapabilities::weighted().unfenced());
    let report = Simulation::new(plan.clone(), World::of(&plan))
        .twist(CHANGED, |world, now| world.meddle(now, Exposure::OFF))
        .run();
    assert!(report.rolled_back(), "{:#?}", report.events);
}

#[test]
fn a_plan_says_what_comes_of_it_when_it_is_not_as_usual() {
    let usual = plan(Drift::default(), RouterCapabilities::weighted()).dry_run().to_string();
    assert!(!usual.contains("somebody else"), "{usual}");
    let put_back = plan(Drift::PutBack, RouterCapabilities::weighted()).dry_run().to_string();
    assert!(put_back.contains("what somebody else changes of the routing is put back"), "{put_back}");
}
