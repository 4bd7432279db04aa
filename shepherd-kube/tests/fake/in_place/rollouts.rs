//! Whole rollouts, by the driver.

use std::time::Duration;

use serde_json::json;
use shepherd_core::driver::Rollout;
use shepherd_core::machine::{Cause, Outcome};
use shepherd_core::ports::{Owner, Workload};
use shepherd_core::store::MemoryStore;
use shepherd_core::strategy::{Count, Rolling};
use shepherd_kube::workload::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};
use shepherd_testkit::SimClock;

use super::{api, ready, set_image, settings};
use crate::api::Api;

/// One object, and whoever rolls it out.
struct Place {
    kind: &'static str,
    api: Api,
    clock: SimClock,
    store: MemoryStore,
    before: serde_json::Value,
}

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

impl Place {
    fn new(kind: &'static str) -> Self {
        Self::of(kind, &json!({}))
    }

    fn of(kind: &'static str, spec: &serde_json::Value) -> Self {
        let api = api(kind, 5, spec);
        let before = settings(&api, kind);
        Self { kind, api, clock: SimClock::paused(), store: MemoryStore::default(), before }
    }

    fn workload(&self) -> Box<dyn Workload> {
        let client = self.api.client();
        let clock = self.clock.clone();
        match self.kind {
            "Deployment" => {
                Box::new(InPlaceDeployment::new(client, "shop", "web").container("app").timed_by(clock))
            }
            "StatefulSet" => {
                Box::new(InPlaceStatefulSet::new(client, "shop", "web").container("app").timed_by(clock))
            }
            _ => Box::new(InPlaceDaemonSet::new(client, "shop", "web").container("app").timed_by(clock)),
        }
    }

    fn rollout(&self, owner: &str) -> Rollout {
        let (surge, unavailable) = if self.kind == "Deployment" { (1, 0) } else { (0, 1) };
        let rolling =
            Rolling::new().max_surge(Count::number(surge)).max_unavailable(Count::number(unavailable));
        Rollout::of("shop/web".parse().unwrap())
            .strategy(rolling.settle(Duration::from_secs(30)))
            .on(std::sync::Arc::<dyn Workload>::from(self.workload()))
            .stored_in(self.store.clone())
            .timed_by(self.clock.clone())
            .owned_by(Owner::new(owner))
            .build()
            .unwrap()
    }

    fn assert_ordinary(&self) {
        assert_eq!(settings(&self.api, self.kind), self.before, "{}", self.kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_revision_is_promoted() {
    for kind in KINDS {
        let place = Place::new(kind);
        let running = place.rollout("one").start("web:v2".parse().unwrap()).await.unwrap();
        let outcome = running.outcome().await.unwrap();
        assert!(matches!(outcome, Outcome::Promoted(_)), "{kind}: {outcome:?}");
        assert_eq!(ready(&place.api), (0, 5), "{kind}");
        place.assert_ordinary();
    }
}

#[tokio::test(start_paused = true)]
async fn one_rollout_after_the_other_goes_through_the_same_adapter() {
    for kind in KINDS {
        let place = Place::new(kind);
        let rollout = place.rollout("one");
        for revision in ["web:v2", "web:v3", "web:v1"] {
            let running = rollout.start(revision.parse().unwrap()).await.unwrap();
            let outcome = running.outcome().await.unwrap();
            assert!(matches!(outcome, Outcome::Promoted(_)), "{kind}: {outcome:?}");
            assert_eq!(crate::controllers::ready(&place.api), [(revision.to_owned(), 5)].into());
            place.assert_ordinary();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_image_is_taken_back() {
    for kind in KINDS {
        let place = Place::new(kind);
        let running = place.rollout("one").start("web:v2-broken".parse().unwrap()).await.unwrap();
        let outcome = running.outcome().await.unwrap();
        let Outcome::RolledBack(report) = outcome else { panic!("{kind}: {outcome:?}") };
        let Some(Cause::Failing(reason)) = report.cause else { panic!("{kind}: {:?}", report.cause) };
        assert!(reason.as_str().contains("ImagePullBackOff"), "{kind}: {reason}");
        assert_eq!(ready(&place.api), (5, 0), "{kind}");
        place.assert_ordinary();
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_in_the_middle_puts_stable_back() {
    for kind in KINDS {
        let place = Place::new(kind);
        let running = place.rollout("one").start("web:v2".parse().unwrap()).await.unwrap();
        tokio_until(&place, |(_, candidate)| candidate == 3).await;
        running.abort("ada".parse().unwrap(), "not today").await.unwrap();
        let outcome = running.outcome().await.unwrap();
        assert!(matches!(outcome, Outcome::Aborted(_)), "{kind}: {outcome:?}");
        assert_eq!(ready(&place.api), (5, 0), "{kind}");
        place.assert_ordinary();
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_in_the_middle() {
    for kind in KINDS {
        let place = Place::new(kind);
        // Nobody waits for the first one any more: it loses its fence.
        let _gone = place.rollout("one").start("web:v2".parse().unwrap()).await.unwrap();
        tokio_until(&place, |(_, candidate)| candidate == 2).await;
        let next = place.rollout("two").steal("web:v2".parse().unwrap()).await.unwrap();
        let outcome = next.outcome().await.unwrap();
        assert!(matches!(outcome, Outcome::Promoted(_)), "{kind}: {outcome:?}");
        assert_eq!(ready(&place.api), (0, 5), "{kind}");
        place.assert_ordinary();
    }
}

/// From the first batch to the last one.
const INSTANTS: std::ops::RangeInclusive<u32> = 1..=5;

/// How it ends when somebody gives it an image by hand as soon as so many pods are the candidate's.
async fn edited(place: &Place, at: u32, image: &str) -> (Outcome, String) {
    let running = place.rollout("one").start("web:v2".parse().unwrap()).await.unwrap();
    tokio_until(place, |(_, candidate)| candidate == at).await;
    set_image(&place.api, place.kind, image);
    let outcome = running.outcome().await.unwrap();
    let what = format!("{} at {at}: {}", place.kind, outcome.why());
    (outcome, what)
}

#[tokio::test(start_paused = true)]
async fn what_somebody_gives_it_in_the_midst_stays_and_is_brought_to_all_pods() {
    for (kind, at) in KINDS.into_iter().flat_map(|kind| INSTANTS.map(move |at| (kind, at))) {
        let place = Place::new(kind);
        let (outcome, what) = edited(&place, at, "web:v1-hotfix").await;
        let Outcome::RolledBack(report) = outcome else { panic!("{what}") };
        assert_eq!(report.cause, Some(Cause::StableEdited("web:v1-hotfix".parse().unwrap())), "{what}");
        assert_eq!(crate::controllers::ready(&place.api), [("web:v1-hotfix".to_owned(), 5)].into(), "{what}");
        place.assert_ordinary();
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_by_hand_takes_it_back() {
    for (kind, at) in
        KINDS.into_iter().flat_map(|kind| INSTANTS.map(move |at| (kind, at))).filter(|(_, at)| *at > 0)
    {
        let place = Place::new(kind);
        let (outcome, what) = edited(&place, at, "web:v1").await;
        assert!(matches!(outcome, Outcome::RolledBack(_)), "{what}");
        assert!(what.contains("somebody has"), "{what}");
        assert_eq!(ready(&place.api), (5, 0), "{what}");
        place.assert_ordinary();
    }
}

/// Its own controller ends none, and all of them at once would leave nobody.
#[tokio::test(start_paused = true)]
async fn a_hotfix_of_what_is_updated_on_delete_ends_one_pod_after_the_other() {
    let place = Place::of("DaemonSet", &json!({"updateStrategy": {"type": "OnDelete"}}));
    let running = place.rollout("one").start("web:v2".parse().unwrap()).await.unwrap();
    tokio_until(&place, |(_, candidate)| candidate == 3).await;
    set_image(&place.api, place.kind, "web:v3");
    let mut fewest = 5;
    while crate::controllers::ready(&place.api).get("web:v3") != Some(&5) {
        fewest = fewest.min(crate::controllers::ready(&place.api).values().sum());
        shepherd_core::ports::Clock::sleep(&place.clock, Duration::from_millis(100)).await;
    }
    assert!(fewest >= 4, "{fewest} were left");
    let outcome = running.outcome().await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack(_)), "{outcome:?}");
    place.assert_ordinary();
}

/// An abort in the midst of whose way back somebody gives the object an image by hand.
async fn edited_on_the_way_back(place: &Place, image: &str) {
    let running = place.rollout("one").start("web:v2".parse().unwrap()).await.unwrap();
    tokio_until(place, |(_, candidate)| candidate == 3).await;
    running.abort("ada".parse().unwrap(), "not today").await.unwrap();
    tokio_until(place, |(stable, _)| stable == 3).await;
    set_image(&place.api, place.kind, image);
    let outcome = running.outcome().await.unwrap();
    assert!(matches!(outcome, Outcome::Aborted(_)), "{}: {outcome:?}", place.kind);
    place.assert_ordinary();
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_somebody_brings_again_on_the_way_back_is_taken_back_again() {
    for kind in KINDS {
        let place = Place::new(kind);
        edited_on_the_way_back(&place, "web:v2").await;
        assert_eq!(ready(&place.api), (5, 0), "{kind}");
    }
}

/// On the way back users return to what somebody has made of it, and not to what it was before.
#[tokio::test(start_paused = true)]
async fn what_somebody_gives_it_on_the_way_back_stays_too() {
    for kind in KINDS {
        let place = Place::new(kind);
        edited_on_the_way_back(&place, "web:v1-hotfix").await;
        assert_eq!(crate::controllers::ready(&place.api), [("web:v1-hotfix".to_owned(), 5)].into(), "{kind}");
    }
}

/// Lets time pass until the pods are so.
async fn tokio_until(place: &Place, what: impl Fn((u32, u32)) -> bool) {
    while !what(ready(&place.api)) {
        shepherd_core::ports::Clock::sleep(&place.clock, Duration::from_secs(1)).await;
    }
}
