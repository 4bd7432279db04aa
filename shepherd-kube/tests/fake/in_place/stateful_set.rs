use serde_json::json;
use shepherd_core::model::{FailureKind, Track, Traffic};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::InPlaceStatefulSet;

use super::{Writer, api, fence, fixture, mark, of, pods, ready, settings};
use crate::api::Api;
use crate::controllers;

fixture!(InPlaceStatefulSet, "StatefulSet");

const KIND: &str = "StatefulSet";

fn workload(api: &Api) -> InPlaceStatefulSet {
    InPlaceStatefulSet::new(api.client(), "shop", "web").container("app")
}

#[tokio::test]
async fn batches_go_from_the_highest_ordinal_down_and_back_the_same_way() {
    let api = api(KIND, 10, &json!({}));
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    for (stable, candidate) in [(9, 1), (8, 2), (6, 4), (4, 6)] {
        writer.stable(stable).await;
        writer.candidate(candidate).await;
        assert_eq!(ready(&api), (stable, candidate));
        assert_eq!(settings(&api, KIND)["updateStrategy"]["rollingUpdate"]["partition"], stable);
    }
    let untouched = pods(&api, "web:v1");
    for (stable, candidate) in [(5, 5), (7, 3), (9, 1)] {
        writer.back(stable, candidate).await;
        assert_eq!(ready(&api), (stable, candidate));
    }
    writer.back(10, 0).await;
    assert_eq!(ready(&api), (10, 0));
    assert!(untouched.iter().all(|pod| pods(&api, "web:v1").contains(pod)), "these never restarted");
}

#[tokio::test]
async fn its_own_strategy_is_put_back_on_both_ways_out() {
    for strategy in [
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 2}}),
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 3}}),
        json!({"type": "OnDelete"}),
    ] {
        for back in [false, true] {
            let api = api(KIND, 4, &json!({"updateStrategy": strategy}));
            let before = settings(&api, KIND);
            let workload = workload(&api);
            let mut writer = Writer::claimed(&workload).await;
            writer.stable(2).await;
            writer.candidate(2).await;
            assert_eq!(ready(&api), (2, 2));
            if back {
                writer.back(4, 0).await;
            } else {
                writer.stable(0).await;
                writer.candidate(4).await;
            }
            assert_eq!(ready(&api), if back { (4, 0) } else { (0, 4) }, "{strategy}");
            assert_eq!(settings(&api, KIND), before);
        }
    }
}

#[tokio::test]
async fn a_plan_that_surges_is_told_what_to_change() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    workload.claim(&fence(1, 1)).await.unwrap();
    let error = workload.apply(&of(Track::Candidate, "web:v2", 1), &mark(1, Traffic::On)).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unsupported);
    assert!(error.to_string().contains("max_surge 0"), "{error}");
    assert_eq!(ready(&api), (4, 0));
}

#[tokio::test]
async fn a_pod_that_the_order_waits_for_is_ended_on_the_way_back() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    workload.claim(&fence(1, 1)).await.unwrap();
    let broken = |replicas| of(Track::Candidate, "web:v3-broken", replicas);
    workload.apply(&of(Track::Stable, "web:v1", 3), &mark(1, Traffic::On)).await.unwrap();
    workload.apply(&broken(1), &mark(2, Traffic::On)).await.unwrap();
    assert_eq!(ready(&api), (3, 0));
    let candidate = workload.observe().await.unwrap().candidate;
    assert!(candidate.failing.unwrap().as_str().contains("ImagePullBackOff"));
    workload.apply(&broken(0), &mark(3, Traffic::Off)).await.unwrap();
    workload.apply(&of(Track::Stable, "web:v1", 4), &mark(4, Traffic::Off)).await.unwrap();
    assert_eq!(ready(&api), (4, 0));
    // Only this one was, and only for as long as it is the one that was looked at.
    let deletes: Vec<_> = api.seen().into_iter().filter(|seen| seen.method == "DELETE").collect();
    assert_eq!(deletes.len(), 1);
    assert!(deletes[0].path.ends_with("/pods/web-3") && deletes[0].body["preconditions"]["uid"].is_string());
}

#[tokio::test]
async fn an_older_owner_ends_nothing() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    workload.claim(&fence(1, 1)).await.unwrap();
    workload.apply(&of(Track::Stable, "web:v1", 3), &mark(1, Traffic::On)).await.unwrap();
    workload.apply(&of(Track::Candidate, "web:v3-broken", 1), &mark(2, Traffic::On)).await.unwrap();
    workload.claim(&fence(1, 2)).await.unwrap();
    let before = api.list(controllers::PODS);
    let late = workload.apply(&of(Track::Candidate, "web:v3-broken", 0), &mark(3, Traffic::Off)).await;
    assert_eq!(late.unwrap_err().kind(), FailureKind::Fenced);
    assert_eq!(api.list(controllers::PODS), before);
}
