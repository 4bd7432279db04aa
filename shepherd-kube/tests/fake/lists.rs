//! What belongs to an object is listed as the server has it at hand, and never as it was before the object's spec.

use serde_json::json;
use shepherd_core::model::{Replicas, Track};
use shepherd_core::ports::Workload;

use crate::api::Api;
use crate::deployment_pair::{DEPLOYMENTS, api, mark, of, pair};

/// How new the lists of the requests since then had to be.
fn asked(api: &Api) -> Vec<Option<u64>> {
    let seen = api.seen();
    seen.iter().filter(|seen| seen.path.ends_with("/replicasets")).map(|seen| seen.not_older_than).collect()
}

fn version(api: &Api) -> u64 {
    api.get(DEPLOYMENTS, "web")["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_list_must_be_no_older_than_the_spec_that_was_written_last() {
    let api = api();
    let pair = pair(&api);
    pair.observe().await.unwrap();
    api.seen();

    pair.apply(&of(Track::Stable, "web:v2", 4), &mark(1)).await.unwrap();
    let looked = async || {
        pair.observe().await.unwrap();
        let [at] = asked(&api)[..] else { panic!("one list of stable's sets") };
        at.unwrap()
    };
    let written = looked().await;
    assert!(written <= version(&api), "its answer, or what came after it");

    // Its controller, or anybody, writes what is no spec: lists may stay as old.
    api.merge(DEPLOYMENTS, "web", &json!({"metadata": {"annotations": {"note": "read"}}}));
    assert!(version(&api) > written);
    assert_eq!(looked().await, written);

    // A person changes the spec: what was listed before tells nothing of it.
    api.merge(DEPLOYMENTS, "web", &json!({"spec": {"minReadySeconds": 1}}));
    assert!(looked().await > written);
}

#[tokio::test]
async fn what_is_kept_apart_is_listed_as_it_is_now() {
    let api = api();
    api.keeps_apart("replicasets");
    let state = pair(&api).observe().await.unwrap();
    assert_eq!(state.stable.ready, Replicas::new(4));
    let asked = asked(&api);
    assert!(matches!(asked[..], [Some(_), None]), "{asked:?}");
}
