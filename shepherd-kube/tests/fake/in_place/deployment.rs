use serde_json::json;
use shepherd_core::model::{Replicas, Track, Traffic};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::InPlaceDeployment;
use shepherd_testkit::SimClock;

use super::{Writer, api, collection, fence, fixture, mark, of, pods, ready, settings};
use crate::api::Api;
use crate::controllers;

fixture!(InPlaceDeployment, "Deployment");

const KIND: &str = "Deployment";

fn workload(api: &Api) -> InPlaceDeployment {
    InPlaceDeployment::new(api.client(), "shop", "web").container("app")
}

/// Settings that no rollout would choose.
fn own() -> serde_json::Value {
    json!({
        "minReadySeconds": 7, "progressDeadlineSeconds": 99,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}},
    })
}

#[tokio::test]
async fn batches_are_exact_on_both_ways() {
    let api = api(KIND, 10, &json!({}));
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    assert_eq!(ready(&api), (10, 0));
    for candidate in [1, 2, 4, 6] {
        writer.stable(11 - candidate).await;
        writer.candidate(candidate).await;
        assert_eq!(ready(&api), (11 - candidate, candidate));
    }
    for stable in [6, 8, 9] {
        writer.back(stable, 11 - stable).await;
        assert_eq!(ready(&api), (stable, 11 - stable));
    }
    writer.back(10, 0).await;
    assert_eq!(ready(&api), (10, 0));
}

#[tokio::test]
async fn what_goes_waits_for_what_comes() {
    let api = api(KIND, 10, &json!({}));
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    for (stable, candidate) in [(7, 3), (4, 6), (1, 9)] {
        let before = ready(&api);
        writer.stable(stable).await;
        assert_eq!(ready(&api), before);
        writer.candidate(candidate).await;
        assert_eq!(ready(&api), (stable, candidate));
    }
    writer.stable(0).await;
    assert_eq!(ready(&api), (0, 10), "the last batch");
}

#[tokio::test]
async fn promoted_it_is_an_ordinary_deployment_again() {
    let api = api(KIND, 4, &own());
    let before = settings(&api, KIND);
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    assert_eq!(settings(&api, KIND), before, "a claim changes nothing");
    writer.candidate(1).await;
    assert_eq!(settings(&api, KIND)["minReadySeconds"], 2_147_483_646);
    writer.stable(1).await;
    writer.candidate(4).await;
    let running = pods(&api, "web:v2");
    writer.stable(0).await;
    assert_eq!(settings(&api, KIND), before);
    assert_eq!((ready(&api), pods(&api, "web:v2")), ((0, 4), running), "nothing restarts for it");
    assert!(api.get(&collection(KIND), "web")["metadata"]["annotations"]["shepherd.rs/originals"].is_null());
    // The last watch before the promotion may still take it back.
    writer.back(1, 4).await;
    assert_eq!(ready(&api), (1, 4));
    writer.back(4, 0).await;
    assert_eq!((ready(&api), settings(&api, KIND)), ((4, 0), before));
}

#[tokio::test]
async fn taken_back_it_is_an_ordinary_deployment_again() {
    let api = api(KIND, 4, &json!({"strategy": {"type": "Recreate"}}));
    let before = settings(&api, KIND);
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    let untouched = pods(&api, "web:v1");
    writer.candidate(1).await;
    writer.stable(3).await;
    writer.candidate(2).await;
    writer.back(3, 1).await;
    writer.back(4, 0).await;
    assert_eq!((ready(&api), settings(&api, KIND)), ((4, 0), before));
    let kept = untouched.iter().filter(|pod| pods(&api, "web:v1").contains(pod)).count();
    assert_eq!(kept, 3, "those that were never replaced never restart");
}

#[tokio::test]
async fn the_next_rollout_finds_the_candidate_as_stable() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    writer.candidate(4).await;
    writer.stable(0).await;
    let sides = async || {
        let seen = workload.observe().await.unwrap();
        [seen.stable, seen.candidate].map(|side| (side.revision.unwrap().to_string(), side.desired.get()))
    };
    assert_eq!(
        sides().await,
        [("web:v1".to_owned(), 0), ("web:v2".to_owned(), 4)],
        "until then it is as it was"
    );
    api.merge(&collection(KIND), "web", &json!({"spec": {"replicas": 6}}));
    workload.claim(&fence(2, 2)).await.unwrap();
    assert_eq!(sides().await, [("web:v2".to_owned(), 6), ("web:v1".to_owned(), 0)]);
    // What people roll out in between is as good.
    let template =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "web:v7"}]}}}});
    api.merge(&collection(KIND), "web", &template);
    workload.claim(&fence(3, 3)).await.unwrap();
    let seen = workload.observe().await.unwrap();
    assert_eq!(seen.stable.revision.unwrap().as_str(), "web:v7");
    assert_eq!(seen.candidate.revision, None);
}

#[tokio::test]
async fn going_back_takes_all_of_stables_template() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    let before = api.get(&collection(KIND), "web")["spec"]["template"].clone();
    let mut writer = Writer::claimed(&workload).await;
    writer.candidate(1).await;
    let grace = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}});
    api.merge(&collection(KIND), "web", &grace);
    assert_eq!(ready(&api), (4, 1));
    writer.back(4, 0).await;
    assert_eq!(api.get(&collection(KIND), "web")["spec"]["template"], before);
    assert_eq!(ready(&api), (4, 0));
}

#[tokio::test]
async fn what_cannot_be_rolled_out_is_refused_by_the_first_claim() {
    for (spec, said) in [
        (json!({"revisionHistoryLimit": 0}), "revisionHistoryLimit is 0"),
        (json!({"paused": true}), "paused"),
    ] {
        let api = api(KIND, 4, &spec);
        api.seen();
        let error = workload(&api).claim(&fence(1, 1)).await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!api.seen().iter().any(crate::api::Seen::is_write));
    }
}

#[tokio::test]
async fn a_replica_is_ready_when_it_has_been_for_as_long_as_its_people_want() {
    // The pods of the fake have been ready since the dawn of simulated time.
    let (api, clock) = (api(KIND, 4, &json!({"minReadySeconds": 60})), SimClock::manual());
    let workload = workload(&api).timed_by(clock.clone());
    let mut writer = Writer::claimed(&workload).await;
    writer.candidate(1).await;
    let ready = async || {
        let seen = workload.observe().await.unwrap();
        (seen.stable.ready, seen.candidate.ready)
    };
    assert_eq!(ready().await, (Replicas::ZERO, Replicas::ZERO));
    clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(ready().await, (Replicas::new(4), Replicas::new(1)));
}

#[tokio::test]
async fn nothing_goes_on_once_one_track_was_taken_off() {
    let api = api(KIND, 4, &json!({}));
    let workload = workload(&api);
    let mut writer = Writer::claimed(&workload).await;
    writer.candidate(1).await;
    writer.write(Track::Stable, 4, Traffic::Off).await;
    // A late write for the candidate, which was decided before that and has not been seen yet.
    let late = workload.apply(&of(Track::Candidate, "web:v2", 2), &mark(9, Traffic::On)).await.unwrap_err();
    assert_eq!(late.kind(), shepherd_core::model::FailureKind::Fenced);
    assert_eq!(controllers::ready(&api)["web:v2"], 1);
}
