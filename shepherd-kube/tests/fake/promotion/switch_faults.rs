//! Late writes, and processes that die between two.

use shepherd_core::model::{FailureKind, Track};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::PromoteBy;

use super::switch::{at_full_weight, seen};
use super::{app_of, first, of, off, on, pair, replicas_of, shop};
use crate::words::fence;

use Track::{Candidate, Stable};

#[tokio::test]
async fn a_late_switch_of_a_superseded_owner_is_refused() {
    let api = shop(4);
    let late = at_full_weight(&api).await;
    pair(&api, PromoteBy::Switch).claim(&fence(1, 2)).await.unwrap();
    let error = late.apply(&of(Stable, "web:v2", 4), &on(&first(), 9)).await.unwrap_err();
    assert_eq!((error.kind(), app_of(&api, "web")), (FailureKind::Fenced, "web".to_owned()));
    let error = late.apply(&of(Candidate, "web:v2", 0), &on(&first(), 9)).await.unwrap_err();
    assert_eq!((error.kind(), replicas_of(&api, "web-candidate")), (FailureKind::Fenced, 4));
}

#[tokio::test]
async fn a_switch_that_comes_after_the_way_back_is_refused() {
    let api = shop(4);
    let pair = at_full_weight(&api).await;
    pair.apply(&of(Stable, "web:v1", 4), &off(&first(), 4)).await.unwrap();
    for generation in [3, 5] {
        let error = pair.apply(&of(Stable, "web:v2", 4), &on(&first(), generation)).await.unwrap_err();
        assert_eq!((error.kind(), app_of(&api, "web")), (FailureKind::Fenced, "web".to_owned()));
    }
}

#[tokio::test]
async fn what_the_next_owner_finds_switched_is_switched() {
    let api = shop(4);
    let before = at_full_weight(&api).await;
    api.loses_the_answer(500);
    before.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap_err();
    let (pair, owner) = (pair(&api, PromoteBy::Switch), fence(1, 2));
    pair.claim(&owner).await.unwrap();
    let state = pair.observe().await.unwrap();
    assert_eq!((seen(&state, Stable).0, seen(&state, Candidate).0), ("web:v2".into(), "web:v2".into()));
    assert_eq!(state.stable.mark.unwrap(), on(&owner, 3));
    pair.apply(&of(Stable, "web:v2", 4), &on(&owner, 4)).await.unwrap();
    pair.apply(&of(Candidate, "web:v2", 0), &on(&owner, 5)).await.unwrap();
    assert_eq!((replicas_of(&api, "web"), replicas_of(&api, "web-candidate")), (0, 4));
}

#[tokio::test]
async fn what_the_next_owner_finds_half_retired_it_completes() {
    for done in 0..2 {
        let api = shop(4);
        let before = at_full_weight(&api).await;
        before.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
        (0..done).for_each(|_| api.between(|_| {}));
        api.refuses(500);
        before.apply(&of(Candidate, "web:v2", 0), &on(&first(), 4)).await.unwrap_err();
        assert_eq!(
            (replicas_of(&api, "web"), app_of(&api, "web-candidate")),
            (4 - 4 * done, "web-candidate".into())
        );
        let (pair, owner) = (pair(&api, PromoteBy::Switch), fence(1, 2));
        pair.claim(&owner).await.unwrap();
        pair.apply(&of(Candidate, "web:v2", 0), &on(&owner, 5)).await.unwrap();
        assert_eq!((replicas_of(&api, "web"), replicas_of(&api, "web-candidate")), (0, 4));
        assert_eq!(
            (app_of(&api, "web"), app_of(&api, "web-candidate")),
            ("web-candidate".into(), "web".into())
        );
    }
}

/// The record of a rollout that died between its switch and its end is lost: the next one begins where it stands.
#[tokio::test]
async fn another_rollout_finds_its_candidates_service_where_an_abandoned_one_left_it() {
    let api = shop(4);
    let before = at_full_weight(&api).await;
    before.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    let (pair, owner) = (pair(&api, PromoteBy::Switch), fence(2, 2));
    pair.claim(&owner).await.unwrap();
    let state = pair.observe().await.unwrap();
    assert_eq!((seen(&state, Stable).0, seen(&state, Candidate)), ("web:v2".into(), ("web:v1".into(), 4, 0)));
    assert_eq!(app_of(&api, "web-candidate"), "web-candidate", "users may be coming through it");
    pair.apply(&of(Candidate, "web:v3", 4), &on(&owner, 2)).await.unwrap();
    assert_eq!((app_of(&api, "web"), app_of(&api, "web-candidate")), ("web-candidate".into(), "web".into()));
    assert_eq!(seen(&pair.observe().await.unwrap(), Candidate), ("web:v3".into(), 4, 4));
}

#[tokio::test]
async fn a_late_write_of_the_rollout_before_ends_nothing_that_serves() {
    let api = shop(4);
    let late = at_full_weight(&api).await;
    late.apply(&of(Stable, "web:v2", 4), &on(&first(), 3)).await.unwrap();
    late.apply(&of(Candidate, "web:v2", 0), &on(&first(), 4)).await.unwrap();
    // The next one has claimed the Service of stable and nothing else yet.
    let next = pair(&api, PromoteBy::Switch);
    api.between(|_| {});
    api.refuses(500);
    next.claim(&fence(2, 2)).await.unwrap_err();
    for mark in [on(&first(), 4), off(&first(), 5)] {
        let error = late.apply(&of(Candidate, "web:v2", 0), &mark).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Fenced);
    }
    assert_eq!(replicas_of(&api, "web-candidate"), 4);
}
