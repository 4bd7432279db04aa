use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::{
    Epoch, Fence, Generation, Mark, Replicas, Revision, RolloutId, StageIndex, Track, TrackSpec, Traffic,
};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::DeploymentPair;
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::api::Api;
use crate::controllers;
use crate::watching::Looking;

pub(crate) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";

pub(crate) fn stable() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "web:v1"}, {"name": "proxy", "image": "proxy:v9"}]},
            },
        },
    })
}

struct Fixture(Api);

impl Fixture {
    fn new() -> Self {
        Self(controllers::deployments(Api::default()).with(DEPLOYMENTS, stable()))
    }

    fn watched() -> Self {
        Self(Self::new().0.watched())
    }
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = DeploymentPair;

    async fn open(&self) -> Opened<DeploymentPair> {
        Ok(pair(&self.0))
    }

    fn holds_marks(&self) -> bool {
        true
    }

    fn revisions(&self) -> [Revision; 2] {
        ["web:v1", "web:v2"].map(|image| image.parse().unwrap())
    }

    fn failing(&self) -> Option<Revision> {
        "web:v3-broken".parse().ok()
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        let name = match track {
            Track::Stable => "web",
            Track::Candidate => "web-candidate",
        };
        Ok(controllers::serving(&self.0, name))
    }
}

shepherd_testkit::workload_conformance!(Fixture::new);
shepherd_testkit::workload_conformance!(watched => Fixture::watched);

const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";

pub(crate) fn mark(generation: u64) -> Mark {
    let fence = Fence { rollout: RolloutId::new("shop/web#1").unwrap(), epoch: Epoch::new(1) };
    Mark {
        fence,
        stage: StageIndex::FIRST,
        generation: Generation::new(generation),
        traffic: Traffic::On,
        cause: None,
    }
}

pub(crate) fn of(track: Track, revision: &str, replicas: u32) -> TrackSpec {
    TrackSpec::new(track, revision.parse().unwrap(), Replicas::new(replicas))
}

pub(crate) fn api() -> Api {
    let mut running = stable();
    running["spec"]["replicas"] = 4.into();
    controllers::deployments(Api::default()).with(DEPLOYMENTS, running)
}

pub(crate) fn pair(api: &Api) -> DeploymentPair {
    DeploymentPair::new(api.client(), "shop", "web").container("app").looking(api)
}

#[tokio::test]
async fn an_autoscaler_keeps_stables_count_and_is_put_back() {
    let autoscaler = json!({
        "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"minReplicas": 2, "maxReplicas": 9},
    });
    let api = api().with(AUTOSCALERS, autoscaler);
    let pair = pair(&api).autoscaled_by("web");
    pair.claim(&mark(1).fence).await.unwrap();
    assert_eq!(api.get(AUTOSCALERS, "web")["spec"], json!({"minReplicas": 4, "maxReplicas": 9}));
    // The next owner finds what the first one left.
    pair.claim(&mark(1).fence).await.unwrap();
    api.merge(DEPLOYMENTS, "web", &json!({"spec": {"replicas": 6}}));
    pair.apply(&of(Track::Stable, "web:v2", 4), &mark(2)).await.unwrap();
    assert_eq!(api.get(DEPLOYMENTS, "web")["spec"]["replicas"], 6, "the count is the autoscaler's");
    pair.apply(&of(Track::Candidate, "web:v2", 0), &mark(3)).await.unwrap();
    assert_eq!(api.get(AUTOSCALERS, "web")["spec"], json!({"minReplicas": 2, "maxReplicas": 9}));
}

#[tokio::test]
async fn of_stable_only_the_image_and_the_count_change() {
    let api = api();
    let before = api.get(DEPLOYMENTS, "web");
    let pair = pair(&api);
    pair.claim(&mark(1).fence).await.unwrap();
    pair.apply(&of(Track::Stable, "web:v2", 5), &mark(2)).await.unwrap();
    let mut after = api.get(DEPLOYMENTS, "web");
    assert_eq!(after["spec"]["template"]["spec"]["containers"][0]["image"], "web:v2");
    assert_eq!(after["spec"]["replicas"], 5);
    after["spec"]["template"]["spec"]["containers"][0]["image"] = "web:v1".into();
    after["spec"]["replicas"] = 4.into();
    assert_eq!(after["spec"], before["spec"]);
}

#[tokio::test]
async fn a_candidate_is_made_anew_after_what_stable_has_become() {
    let api = api();
    let pair = pair(&api);
    pair.apply(&of(Track::Candidate, "web:v2", 2), &mark(1)).await.unwrap();
    pair.apply(&of(Track::Candidate, "web:v2", 0), &mark(2)).await.unwrap();
    let env = json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}});
    api.merge(DEPLOYMENTS, "web", &env);
    pair.apply(&of(Track::Candidate, "web:v3", 1), &mark(3)).await.unwrap();
    let template = api.get(DEPLOYMENTS, "web-candidate")["spec"]["template"]["spec"].clone();
    assert_eq!(template["terminationGracePeriodSeconds"], 7);
    assert_eq!(template["containers"][0]["image"], "web:v3");
    // While it serves it is left as it is.
    api.merge(
        DEPLOYMENTS,
        "web",
        &json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 9}}}}),
    );
    pair.apply(&of(Track::Candidate, "web:v3", 2), &mark(4)).await.unwrap();
    let template = api.get(DEPLOYMENTS, "web-candidate")["spec"]["template"]["spec"].clone();
    assert_eq!(template["terminationGracePeriodSeconds"], 7);
}

#[tokio::test]
async fn a_replica_is_ready_when_its_service_has_it() {
    let api = api();
    let pair = pair(&api).services("web", "web-candidate");
    pair.apply(&of(Track::Candidate, "web:v2", 2), &mark(1)).await.unwrap();
    let ready = async || {
        let candidate = pair.observe().await.unwrap().candidate;
        (candidate.ready.get(), candidate.unreached.get())
    };
    assert_eq!(ready().await, (0, 2));
    let set = controllers::present_set(&api, "web-candidate");
    let endpoint = |pod: &str, ready: bool| json!({"addresses": ["10.1.1.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}});
    let endpoints = [
        endpoint(&format!("{set}-a"), true),
        endpoint(&format!("{set}-b"), false),
        endpoint("stranger-c", true),
    ];
    let slice = json!({
        "metadata": {"name": "web-candidate-1", "labels": {"kubernetes.io/service-name": "web-candidate"}},
        "addressType": "IPv4", "endpoints": endpoints,
    });
    let api = api.with("/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices", slice);
    assert_eq!(ready().await, (1, 1));
    drop(api);
}

/// Its endpoint may be there for a moment after it was told to end.
#[tokio::test]
async fn a_replica_is_not_ready_while_one_of_another_revision_has_its_place() {
    let api = api();
    let pair = pair(&api).services("web", "web-candidate");
    let old = controllers::present_set(&api, "web");
    pair.apply(&of(Track::Stable, "web:v2", 2), &mark(1)).await.unwrap();
    let new = controllers::present_set(&api, "web");
    let slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
    let slice = json!({
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
    });
    let api = api.with(slices, slice);
    let ready = async |pods: &[String]| {
        let endpoints: Vec<_> = pods
            .iter()
            .map(|pod| json!({"addresses": ["10.1.1.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": pod}}))
            .collect();
        api.merge(slices, "web-1", &json!({"endpoints": endpoints}));
        pair.observe().await.unwrap().stable.ready
    };
    let [a, b, gone] = [format!("{new}-a"), format!("{new}-b"), format!("{old}-a")];
    assert_eq!(ready(&[a.clone(), b.clone(), gone]).await, Replicas::new(1));
    assert_eq!(ready(&[a, b]).await, Replicas::new(2));
}

#[tokio::test]
async fn says_which_container_is_missing_or_meant() {
    let api = api();
    for (pair, said) in [
        (
            DeploymentPair::new(api.client(), "shop", "web"),
            "say which of its containers is rolled out: app, proxy",
        ),
        (DeploymentPair::new(api.client(), "shop", "web").container("main"), "it has no container main"),
        (DeploymentPair::new(api.client(), "shop", "wbe").container("app"), "Deployment shop/wbe"),
    ] {
        let error = pair.observe().await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
