use serde_json::json;
use shepherd_core::model::{FailureKind, Track, Traffic};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::InPlaceDaemonSet;

use super::{Writer, api, collection, fence, fixture, mark, of, pods, ready, settings};
use crate::api::Api;
use crate::controllers;

fixture!(InPlaceDaemonSet, "DaemonSet");

const KIND: &str = "DaemonSet";

fn workload(api: &Api) -> InPlaceDaemonSet {
    InPlaceDaemonSet::new(api.client(), "shop", "web").container("app")
}

#[tokio::test]
async fn batches_are_exact_on_both_ways() {
    let api = api(KIND, 10, &json!({}));
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    for (stable, candidate) in [(9, 1), (8, 2), (6, 4), (4, 6)] {
        let before = ready(&api);
        writer.stable(stable).await;
        assert_eq!(ready(&api), before, "the old ones wait for the new ones");
        writer.candidate(candidate).await;
        assert_eq!(ready(&api), (stable, candidate));
    }
    for (stable, candidate) in [(5, 5), (7, 3), (9, 1), (10, 0)] {
        writer.back(stable, candidate).await;
        assert_eq!(ready(&api), (stable, candidate));
    }
}

#[tokio::test]
async fn nodes_go_in_order_and_the_same_call_again_ends_no_more() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    writer.stable(2).await;
    writer.candidate(2).await;
    let nodes = |image: &str| {
        let all = api.list(controllers::PODS).into_iter();
        let of_it = all.filter(|pod| pod["spec"]["containers"][0]["image"] == image);
        of_it.map(|pod| pod["spec"]["nodeName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(nodes("web:v2"), ["n0", "n1"]);
    let before = pods(&api, "web:v2");
    for _ in 0..3 {
        workload.apply(&of(Track::Candidate, "web:v2", 2), &mark(2, Traffic::On)).await.unwrap();
    }
    assert_eq!((pods(&api, "web:v2"), ready(&api)), (before, (2, 2)));
    // A node that joins meanwhile has the new template, and ends nothing elsewhere.
    api.merge(&collection(KIND), "web", &json!({"metadata": {"annotations": {controllers::NODES: "5"}}}));
    workload.apply(&of(Track::Candidate, "web:v2", 2), &mark(2, Traffic::On)).await.unwrap();
    assert_eq!(ready(&api), (2, 3));
}

#[tokio::test]
async fn its_own_strategy_is_put_back_on_both_ways_out() {
    for strategy in [
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}),
        json!({"type": "OnDelete"}),
    ] {
        for back in [false, true] {
            let api = api(KIND, 4, &json!({"updateStrategy": strategy}));
            let before = settings(&api, KIND);
            let workload = workload(&api);
            let mut writer = Writer::claimed(&workload).await;
            writer.stable(2).await;
            writer.candidate(2).await;
            assert_eq!(
                (settings(&api, KIND)["updateStrategy"].clone(), ready(&api)),
                (json!({"type": "OnDelete"}), (2, 2))
            );
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
async fn pods_that_are_not_ready_go_first() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    workload.claim(&fence(1, 1)).await.unwrap();
    let broken = |replicas| of(Track::Candidate, "web:v3-broken", replicas);
    workload.apply(&of(Track::Stable, "web:v1", 3), &mark(1, Traffic::On)).await.unwrap();
    workload.apply(&broken(1), &mark(2, Traffic::On)).await.unwrap();
    assert_eq!(ready(&api), (3, 0));
    workload.apply(&broken(0), &mark(3, Traffic::Off)).await.unwrap();
    workload.apply(&of(Track::Stable, "web:v1", 4), &mark(4, Traffic::Off)).await.unwrap();
    assert_eq!(ready(&api), (4, 0));
}

#[tokio::test]
async fn an_older_owner_ends_nothing() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    workload.claim(&fence(1, 1)).await.unwrap();
    workload.apply(&of(Track::Stable, "web:v1", 2), &mark(1, Traffic::On)).await.unwrap();
    workload.claim(&fence(1, 2)).await.unwrap();
    let before = api.list(controllers::PODS);
    let late = workload.apply(&of(Track::Candidate, "web:v2", 2), &mark(2, Traffic::On)).await;
    assert_eq!(late.unwrap_err().kind(), FailureKind::Fenced);
    assert_eq!(api.list(controllers::PODS), before);
}
