use serde_json::json;
use shepherd_core::model::{Replicas, Revision, Track, TrackSpec, Weight};
use shepherd_core::ports::{HealthGate, TrafficRouter, Workload};
use shepherd_kube::gate::{PodsReady, Tracks};
use shepherd_kube::router::GatewayRoute;

use super::{Looking, api, asked, eventually, pair, passes, scaled};
use crate::controllers::{self, SETS};
use crate::deployment_pair::{DEPLOYMENTS, mark, stable};
use crate::gateway::{ROUTES, accepts, route};
use crate::words::on;

fn of(track: Track, revision: &str, replicas: u32) -> TrackSpec {
    TrackSpec::new(track, Revision::new(revision).unwrap(), Replicas::new(replicas))
}

#[tokio::test(start_paused = true)]
async fn a_look_tells_of_every_write_before_it_though_the_watch_lags() {
    let api = crate::api::Api::default().controlled(accepts).with(ROUTES, route()).watched();
    let router = GatewayRoute::http(api.client(), "shop", "web").looking(&api);
    let other = GatewayRoute::http(api.client(), "shop", "web").looking(&api);
    router.observe().await.unwrap();
    let weight = async |router: &GatewayRoute| router.observe().await.unwrap().exposure.weight;
    for (generation, percent) in [(1, 10), (2, 25), (3, 50)] {
        api.lags(Some("httproutes"));
        router.apply(&on(generation, percent)).await.unwrap();
        let written = Weight::percent(percent).unwrap();
        assert_eq!(weight(&router).await, written);
        assert_eq!(weight(&other).await, written, "they have the same watches");
        api.lags(None);
        // What the watch told at last is as new as what was asked for.
        eventually(async || asked(&api, weight(&other)).await.1.is_empty()).await;
        assert_eq!(weight(&other).await, written);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_about_to_tell_is_waited_for() {
    let api = api();
    let pair = pair(&api);
    pair.observe().await.unwrap();
    let (state, seen) = asked(&api, async {
        pair.apply(&of(Track::Stable, "web:v1", 7), &mark(1)).await.unwrap();
        pair.observe().await.unwrap()
    })
    .await;
    assert_eq!((state.stable.desired, state.stable.ready), (Replicas::new(7), Replicas::new(7)));
    assert_eq!(seen.iter().filter(|seen| !seen.is_write()).count(), 0, "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_is_asked_for() {
    let api = api();
    let pair = pair(&api);
    pair.observe().await.unwrap();
    api.lags(Some("deployments"));
    api.loses_the_answer(504);
    drop(pair.apply(&of(Track::Stable, "web:v1", 6), &mark(1)).await);
    assert_eq!(pair.observe().await.unwrap().stable.desired, Replicas::new(6));
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_from_a_watch_is_never_written_over_what_is_there() {
    let api = api();
    let pair = pair(&api);
    pair.observe().await.unwrap();
    api.lags(Some("deployments"));
    // A later owner, whom the watch does not know.
    let later = r#"{"rollout":"shop/web#2","epoch":9,"stage":0,"generation":1,"traffic":"off","cause":null}"#;
    api.merge(DEPLOYMENTS, "web", &json!({"metadata": {"annotations": {"shepherd.rs/mark": later}}}));
    let before = api.get(DEPLOYMENTS, "web");
    let error = pair.apply(&of(Track::Stable, "web:v2", 1), &mark(1)).await.unwrap_err();
    assert_eq!(api.get(DEPLOYMENTS, "web"), before, "{error}");
}

/// The race between two watches: the Deployment is seen as it is, its sets as they were before.
#[tokio::test(start_paused = true)]
async fn replicas_from_before_a_change_do_not_count() {
    let api = api();
    let pair = pair(&api);
    assert_eq!(pair.observe().await.unwrap().stable.ready, Replicas::new(4));
    api.lags(Some("replicasets"));
    let becomes = |image: &str, replicas: u32| {
        let containers = json!([{"name": "app", "image": image}, {"name": "proxy", "image": "proxy:v9"}]);
        let template = json!({"spec": {"containers": containers}});
        api.merge(DEPLOYMENTS, "web", &json!({"spec": {"replicas": replicas, "template": template}}));
    };
    // Another image, and then the one before again: its set has the name that it had, and no pod that is ready yet.
    becomes("web:v2", 4);
    becomes("web:v1", 5);
    let set = controllers::present_set(&api, "web");
    api.merge(SETS, &set, &json!({"status": {"availableReplicas": 0}}));
    eventually(async || {
        let (state, seen) = asked(&api, pair.observe()).await;
        let stable = state.unwrap().stable;
        let told = stable.desired == Replicas::new(5);
        assert!(!told || stable.ready == Replicas::ZERO, "{stable:?}");
        assert_eq!(
            told,
            seen.iter().any(|seen| seen.path == SETS),
            "the watch of the sets has told of nothing"
        );
        told
    })
    .await;
    api.lags(None);
    eventually(async || asked(&api, pair.observe()).await.1.is_empty()).await;
    assert_eq!(pair.observe().await.unwrap().stable.ready, Replicas::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_gate_sees_what_the_workload_has_written() {
    let api = api();
    let pair = pair(&api);
    pair.observe().await.unwrap();
    let gate = PodsReady::of(
        Tracks::new(api.client(), "shop", "web").container("app").watching(api.watches().unwrap()),
    );
    let context = |revision: &str| {
        let mark = mark(1);
        let target = "shop/web".parse().unwrap();
        shepherd_core::ports::CheckContext::new(
            mark.fence.rollout,
            target,
            Track::Stable,
            revision.parse().unwrap(),
        )
    };
    api.lags(Some("deployments"));
    pair.apply(&of(Track::Stable, "web:v2", 4), &mark(1)).await.unwrap();
    let verdict = gate.check(&context("web:v2")).await.unwrap().to_string();
    assert!(!verdict.contains("web:v1"), "{verdict}");
}

#[tokio::test(start_paused = true)]
async fn that_there_is_nothing_is_known_only_to_a_watch_that_lives() {
    let api = api();
    let pair = pair(&api);
    let candidate = async || pair.observe().await.unwrap().candidate.desired;
    assert_eq!(candidate().await, Replicas::ZERO);
    api.silences_watches();
    let mut made = stable();
    made["metadata"]["name"] = "web-candidate".into();
    made["spec"]["replicas"] = 3.into();
    let api = api.with(DEPLOYMENTS, made);
    passes(21).await;
    assert_eq!(candidate().await, Replicas::new(3));
    drop(api);
}

#[tokio::test(start_paused = true)]
async fn what_others_write_is_seen_as_soon_as_the_watch_tells() {
    let api = api();
    let pair = pair(&api);
    pair.observe().await.unwrap();
    scaled(&api, 9);
    eventually(async || pair.observe().await.unwrap().stable.desired == Replicas::new(9)).await;
    api.delete(DEPLOYMENTS, "web");
    eventually(async || pair.observe().await.is_err()).await;
    let error = pair.observe().await.unwrap_err().to_string();
    assert!(error.contains("Deployment shop/web") && error.contains("does not exist"), "{error}");
}
