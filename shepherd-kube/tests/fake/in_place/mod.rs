//! Workloads whose two tracks live in one object.

mod daemon_set;
mod deployment;
mod rollouts;
mod stateful_set;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shepherd_core::model::{
    Epoch, FailureKind, Fence, Generation, Mark, Replicas, Revision, RolloutId, StageIndex, Track, TrackSpec,
    Traffic,
};
use shepherd_core::ports::Workload;
use shepherd_kube::workload::InPlaceDeployment;
use shepherd_testkit::conformance::Opened;

use crate::api::Api;
use crate::controllers;

const APPS: &str = "/apis/apps/v1/namespaces/shop";

/// An object of this kind, as its people made it, with one field more in its spec.
fn object(kind: &str, replicas: u32, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": "web", "namespace": "shop", "annotations": {controllers::NODES: replicas.to_string()}},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "web:v1"}, {"name": "proxy", "image": "proxy:v9"}]},
            },
        },
    });
    if kind != "DaemonSet" {
        object["spec"]["replicas"] = replicas.into();
    }
    json_patch::merge(&mut object, &json!({"spec": spec}));
    object
}

/// The collection of a kind.
fn collection(kind: &str) -> String {
    format!("{APPS}/{}s", kind.to_lowercase())
}

fn api(kind: &str, replicas: u32, spec: &Value) -> Api {
    controllers::updating(Api::default()).with(&collection(kind), object(kind, replicas, spec))
}

fn mark(generation: u64, traffic: Traffic) -> Mark {
    let fence = fence(1, 1);
    Mark { fence, stage: StageIndex::FIRST, generation: Generation::new(generation), traffic, cause: None }
}

fn fence(rollout: u64, epoch: u64) -> Fence {
    Fence { rollout: RolloutId::new(format!("shop/web#{rollout}")).unwrap(), epoch: Epoch::new(epoch) }
}

fn of(track: Track, revision: &str, replicas: u32) -> TrackSpec {
    TrackSpec::new(track, revision.parse().unwrap(), Replicas::new(replicas))
}

/// One write after the other of one rollout.
struct Writer<'w> {
    workload: &'w dyn Workload,
    generation: u64,
}

impl<'w> Writer<'w> {
    async fn claimed(workload: &'w dyn Workload) -> Self {
        workload.claim(&fence(1, 1)).await.unwrap();
        Self { workload, generation: 0 }
    }

    async fn write(&mut self, track: Track, replicas: u32, traffic: Traffic) {
        let revision = if track == Track::Stable { "web:v1" } else { "web:v2" };
        self.generation += 1;
        let (spec, mark) = (of(track, revision, replicas), mark(self.generation, traffic));
        // As the driver does.
        let mut tries = 0..20;
        while let Err(error) = self.workload.apply(&spec, &mark).await {
            assert!(error.kind().is_passing() && tries.next().is_some(), "{error}");
        }
    }

    async fn stable(&mut self, replicas: u32) {
        self.write(Track::Stable, replicas, Traffic::On).await;
    }

    async fn candidate(&mut self, replicas: u32) {
        self.write(Track::Candidate, replicas, Traffic::On).await;
    }

    async fn back(&mut self, stable: u32, candidate: u32) {
        self.write(Track::Stable, stable, Traffic::Off).await;
        self.write(Track::Candidate, candidate, Traffic::Off).await;
    }
}

/// How many pods of the two images are ready.
fn ready(api: &Api) -> (u32, u32) {
    let ready = controllers::ready(api);
    let of = |image| ready.get(image).copied().unwrap_or(0);
    (of("web:v1"), of("web:v2"))
}

fn serving(api: &Api, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
    let mut serving = BTreeMap::new();
    for (image, count) in controllers::ready(api) {
        if (image == "web:v1") == (track == Track::Stable) {
            serving.insert(image.parse()?, Replicas::new(count));
        }
    }
    Ok(serving)
}

/// Somebody gives the object another image, by hand.
fn set_image(api: &Api, kind: &str, image: &str) {
    let containers = json!([{"name": "app", "image": image}, {"name": "proxy", "image": "proxy:v9"}]);
    api.merge(&collection(kind), "web", &json!({"spec": {"template": {"spec": {"containers": containers}}}}));
}

/// The names of all pods of an image.
fn pods(api: &Api, image: &str) -> Vec<String> {
    let all = api.list(controllers::PODS);
    let of_it = all.iter().filter(|pod| pod["spec"]["containers"][0]["image"] == image);
    of_it.map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned()).collect()
}

/// The spec without what a rollout is about.
fn settings(api: &Api, kind: &str) -> Value {
    let mut spec = api.get(&collection(kind), "web")["spec"].clone();
    spec.as_object_mut().unwrap().remove("template");
    spec
}

#[tokio::test]
async fn a_write_that_comes_after_an_edit_leaves_it_as_it_is() {
    let api = api("Deployment", 5, &json!({}));
    let workload = InPlaceDeployment::new(api.client(), "shop", "web").container("app");
    let mut writer = Writer::claimed(&workload).await;
    writer.candidate(1).await;
    writer.stable(4).await;
    set_image(&api, "Deployment", "web:v3");
    let edited = api.get(&collection("Deployment"), "web");
    let known = ["web:v1", "web:v2"].map(|image| image.parse().unwrap());
    for spec in [of(Track::Candidate, "web:v2", 2), of(Track::Stable, "web:v1", 3).replacing(known)] {
        let error = workload.apply(&spec, &mark(9, Traffic::On)).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Conflict, "{error}");
        assert!(error.to_string().contains("somebody has given it"), "{error}");
        assert_eq!(api.get(&collection("Deployment"), "web")["spec"], edited["spec"]);
    }
    let seen = workload.observe().await.unwrap();
    assert_eq!(seen.stable.revision, "web:v3".parse().ok());
    assert_eq!((seen.stable.desired, seen.candidate.desired), (Replicas::new(5), Replicas::ZERO));
}

/// Both suites' fixture for a kind.
macro_rules! fixture {
    ($workload:ident, $kind:literal) => {
        struct Fixture(Api);

        impl Fixture {
            fn new() -> Self {
                Self(api($kind, 3, &serde_json::json!({})))
            }

            fn watched() -> Self {
                Self(Self::new().0.watched())
            }
        }

        #[async_trait::async_trait]
        impl shepherd_testkit::conformance::workload::WorkloadFixture for Fixture {
            type Workload = $workload;

            async fn open(&self) -> shepherd_testkit::conformance::Opened<$workload> {
                let workload = $workload::new(self.0.client(), "shop", "web").container("app");
                Ok(crate::watching::Looking::looking(workload, &self.0))
            }

            fn holds_marks(&self) -> bool {
                true
            }

            fn revisions(&self) -> [shepherd_core::model::Revision; 2] {
                ["web:v1", "web:v2"].map(|image| image.parse().unwrap())
            }

            fn failing(&self) -> Option<shepherd_core::model::Revision> {
                "web:v3-broken".parse().ok()
            }

            fn in_place(&self) -> Option<shepherd_core::model::Replicas> {
                Some(shepherd_core::model::Replicas::new(3))
            }

            async fn serving(
                &self,
                track: Track,
            ) -> shepherd_testkit::conformance::Opened<
                std::collections::BTreeMap<shepherd_core::model::Revision, shepherd_core::model::Replicas>,
            > {
                crate::in_place::serving(&self.0, track)
            }
        }

        shepherd_testkit::workload_conformance!(Fixture::new);
        shepherd_testkit::workload_conformance!(watched => Fixture::watched);
    };
}
use fixture;
