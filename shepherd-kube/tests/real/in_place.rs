//! Workloads whose two tracks live in one object, by the controllers of a real cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use shepherd_core::driver::{Handle, Rollout};
use shepherd_core::machine::{Ending, Outcome};
use shepherd_core::model::{
    Epoch, Fence, Generation, Mark, Replicas, Revision, RolloutId, StageIndex, Track, TrackSpec, Traffic,
};
use shepherd_core::ports::Workload;
use shepherd_core::strategy::{Count, Rolling};
use shepherd_kube::workload::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};
use shepherd_testkit::cluster::{Behaviour, ClusterError, Namespace};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::workload::WorkloadFixture;

use crate::ground::Ground;

/// As many as the suite needs; a `DaemonSet` has as many as there are nodes.
const ALL: u32 = 3;

async fn made(shop: &Namespace, kind: &str, replicas: u32) -> Result<(), ClusterError> {
    let mut object = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "app", "image": "shop:v1", "ports": [{"containerPort": 8080}]}]},
            },
        },
    });
    match kind {
        "Deployment" => drop(shop.create_object::<Deployment>(object).await?),
        "StatefulSet" => {
            object["spec"]["serviceName"] = "web".into();
            drop(shop.create_object::<StatefulSet>(object).await?);
        }
        _ => {
            third_node(shop).await?;
            object["spec"].as_object_mut().unwrap().remove("replicas");
            drop(shop.create_object::<DaemonSet>(object).await?);
        }
    }
    shop.ready_pods("app=web", replicas as usize).await.map(drop)
}

/// The shared cluster has two nodes, and whoever needs three makes another one.
async fn third_node(shop: &Namespace) -> Result<(), ClusterError> {
    let nodes: Api<Node> = Api::all(shop.client());
    let node = json!({
        "metadata": {
            "name": "node-2", "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kubernetes.io/hostname": "node-2", "kubernetes.io/os": "linux"},
        },
        "spec": {},
    });
    // When it is there already, another test has made it.
    let _ = nodes.create(&PostParams::default(), &serde_json::from_value(node).unwrap()).await;
    Ok(())
}

async fn pods(shop: &Namespace) -> Vec<Pod> {
    let all = shop.api::<Pod>().list(&ListParams::default().labels("app=web")).await.unwrap().items;
    all.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.filter(|one| one.type_ == "Ready").any(|one| one.status == "True")
}

fn image(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.containers[0].image.as_deref()).unwrap()
}

/// How many ready pods of each image there are.
async fn serving(shop: &Namespace) -> BTreeMap<String, u32> {
    let mut serving = BTreeMap::new();
    for pod in pods(shop).await.iter().filter(|pod| is_ready(pod)) {
        *serving.entry(image(pod).to_owned()).or_default() += 1;
    }
    serving
}

macro_rules! kind {
    ($name:ident, $workload:ident, $kind:literal) => {
        mod $name {
            use super::*;

            struct Fixture(Ground);

            impl Fixture {
                fn new() -> Self {
                    Self(Ground::prepared(|shop| Box::pin(made(shop, $kind, ALL))))
                }
            }

            #[async_trait]
            impl WorkloadFixture for Fixture {
                type Workload = $workload;

                async fn open(&self) -> Opened<$workload> {
                    let shop = self.0.namespace().await?;
                    Ok($workload::new(shop.client(), shop.name(), "web"))
                }

                fn holds_marks(&self) -> bool {
                    true
                }

                fn revisions(&self) -> [Revision; 2] {
                    ["shop:v1", "shop:v2"].map(|image| image.parse().unwrap())
                }

                fn failing(&self) -> Option<Revision> {
                    Behaviour::Crashing.image("shop:v3").parse().ok()
                }

                fn in_place(&self) -> Option<Replicas> {
                    Some(Replicas::new(ALL))
                }

                async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
                    let shop = self.0.namespace().await?;
                    let of = |image: &str| (image == "shop:v1") == (track == Track::Stable);
                    let serving = serving(&shop).await.into_iter().filter(|(image, _)| of(image));
                    serving.map(|(image, count)| Ok((image.parse()?, Replicas::new(count)))).collect()
                }
            }

            shepherd_testkit::workload_conformance!(Fixture::new);
        }
    };
}

kind!(deployment, InPlaceDeployment, "Deployment");
kind!(stateful_set, InPlaceStatefulSet, "StatefulSet");
kind!(daemon_set, InPlaceDaemonSet, "DaemonSet");

async fn settings(shop: &Namespace, kind: &str) -> Value {
    let mut object = match kind {
        "Deployment" => serde_json::to_value(shop.api::<Deployment>().get("web").await.unwrap()),
        "StatefulSet" => serde_json::to_value(shop.api::<StatefulSet>().get("web").await.unwrap()),
        _ => serde_json::to_value(shop.api::<DaemonSet>().get("web").await.unwrap()),
    }
    .unwrap();
    object["spec"].as_object_mut().unwrap().remove("template");
    object["spec"].take()
}

/// As many pods of each image, and so they stay.
async fn counts(shop: &Namespace, stable: u32, candidate: u32) {
    let wanted = [("shop:v1", stable), ("shop:v2", candidate)].into_iter().filter(|(_, count)| *count > 0);
    let wanted: BTreeMap<_, _> = wanted.map(|(image, count)| (image.to_owned(), count)).collect();
    let what = format!("{stable} and {candidate} pods");
    shop.eventually(&what, async || {
        let there = serving(shop).await;
        let all = pods(shop).await.len();
        let so = there == wanted && all == (stable + candidate) as usize;
        Ok(if so { Ok(()) } else { Err(format!("{there:?} of {all}")) })
    })
    .await
    .unwrap();
    #[allow(clippy::disallowed_methods, reason = "whether it stays so takes time to see")]
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(serving(shop).await, wanted);
}

struct Writer<'w>(&'w dyn Workload, u64);

impl Writer<'_> {
    async fn write(&mut self, track: Track, replicas: u32, traffic: Traffic) {
        let revision = if track == Track::Stable { "shop:v1" } else { "shop:v2" };
        self.1 += 1;
        let fence = Fence { rollout: RolloutId::new("shop/web#1").unwrap(), epoch: Epoch::new(1) };
        let generation = Generation::new(self.1);
        let mark = Mark { fence, stage: StageIndex::FIRST, generation, traffic, cause: None };
        let spec = TrackSpec::new(track, revision.parse().unwrap(), Replicas::new(replicas));
        self.0.apply(&spec, &mark).await.unwrap();
    }
}

#[tokio::test]
async fn batches_of_a_deployment_are_exact_on_both_ways() {
    let ground = Ground::prepared(|shop| Box::pin(made(shop, "Deployment", 10)));
    let shop = ground.namespace().await.unwrap();
    let before = settings(&shop, "Deployment").await;
    let workload = InPlaceDeployment::new(shop.client(), shop.name(), "web");
    let fence = Fence { rollout: RolloutId::new("shop/web#1").unwrap(), epoch: Epoch::new(1) };
    workload.claim(&fence).await.unwrap();
    let mut writer = Writer(&workload, 0);
    for candidate in [1, 2, 4, 6] {
        writer.write(Track::Stable, 11 - candidate, Traffic::On).await;
        writer.write(Track::Candidate, candidate, Traffic::On).await;
        counts(&shop, 11 - candidate, candidate).await;
    }
    for stable in [6, 8, 9] {
        writer.write(Track::Stable, stable, Traffic::Off).await;
        writer.write(Track::Candidate, 11 - stable, Traffic::Off).await;
        counts(&shop, stable, 11 - stable).await;
    }
    writer.write(Track::Stable, 10, Traffic::Off).await;
    writer.write(Track::Candidate, 0, Traffic::Off).await;
    counts(&shop, 10, 0).await;
    assert_eq!(settings(&shop, "Deployment").await, before);
}

/// A rollout of one object to this image, by an account that may do what the documentation says.
struct Begun {
    handle: Handle,
    shop: std::sync::Arc<Namespace>,
    /// The spec before, but for the template.
    before: Value,
}

async fn begun(kind: &'static str, image: &str) -> Begun {
    let ground = match kind {
        "Deployment" => Ground::prepared(|shop| Box::pin(made(shop, "Deployment", ALL))),
        "StatefulSet" => Ground::prepared(|shop| Box::pin(made(shop, "StatefulSet", ALL))),
        _ => Ground::prepared(|shop| Box::pin(made(shop, "DaemonSet", ALL))),
    };
    let shop = ground.namespace().await.unwrap();
    let before = settings(&shop, kind).await;
    let (client, name) = (shop.user("shepherd", rules(kind)).await.unwrap(), shop.name().to_owned());
    let workload: std::sync::Arc<dyn Workload> = match kind {
        "Deployment" => std::sync::Arc::new(InPlaceDeployment::new(client, name, "web")),
        "StatefulSet" => std::sync::Arc::new(InPlaceStatefulSet::new(client, name, "web")),
        _ => std::sync::Arc::new(InPlaceDaemonSet::new(client, name, "web")),
    };
    let (surge, unavailable) = if kind == "Deployment" { (1, 0) } else { (0, 1) };
    let rolling = Rolling::new().max_surge(Count::number(surge)).max_unavailable(Count::number(unavailable));
    let rollout = Rollout::of("shop/web".parse().unwrap()).strategy(rolling.settle(Duration::ZERO));
    let handle = rollout.on(workload).build().unwrap().start(image.parse().unwrap()).await.unwrap();
    Begun { handle, shop, before }
}

/// `kubectl set image`.
async fn set_image(shop: &Namespace, kind: &str, image: &str) {
    let containers = json!([{"name": "app", "image": image}]);
    let patch = Patch::Strategic(json!({"spec": {"template": {"spec": {"containers": containers}}}}));
    let by_hand = PatchParams::default();
    match kind {
        "Deployment" => drop(shop.api::<Deployment>().patch("web", &by_hand, &patch).await.unwrap()),
        "StatefulSet" => drop(shop.api::<StatefulSet>().patch("web", &by_hand, &patch).await.unwrap()),
        _ => drop(shop.api::<DaemonSet>().patch("web", &by_hand, &patch).await.unwrap()),
    }
}

/// What the documentation says that each kind needs, and nothing else.
fn rules(kind: &str) -> Vec<PolicyRule> {
    let (own, versions, ends) = match kind {
        "Deployment" => ("deployments", "replicasets", false),
        "StatefulSet" => ("statefulsets", "controllerrevisions", true),
        _ => ("daemonsets", "controllerrevisions", true),
    };
    let rule = |group: &str, resource: &str, verbs: &[&str]| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        ..PolicyRule::default()
    };
    // The sets of a Deployment are told something before a way back.
    let (kept, pods): (&[&str], &[&str]) =
        if ends { (&["list"], &["list", "delete"]) } else { (&["list", "patch"], &["list"]) };
    vec![rule("apps", own, &["get", "patch"]), rule("apps", versions, kept), rule("", "pods", pods)]
}

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

#[tokio::test]
async fn a_good_revision_is_promoted() {
    for kind in KINDS {
        let Begun { handle, shop, before } = begun(kind, "shop:v2").await;
        let outcome = handle.outcome().await.unwrap();
        assert!(matches!(outcome, Outcome::Promoted(_)), "{kind}: {outcome:?}");
        counts(&shop, 0, ALL).await;
        assert_eq!(settings(&shop, kind).await, before, "{kind}");
    }
}

#[tokio::test]
async fn a_crashing_revision_is_taken_back() {
    for kind in KINDS {
        let Begun { handle, shop, before } = begun(kind, &Behaviour::Crashing.image("shop:v2")).await;
        let outcome = handle.outcome().await.unwrap();
        assert!(matches!(outcome, Outcome::RolledBack(_)), "{kind}: {outcome:?}");
        counts(&shop, ALL, 0).await;
        assert_eq!(settings(&shop, kind).await, before, "{kind}");
    }
}

/// A rollout whose first replica never becomes ready, while somebody gives the object this image.
async fn edited(kind: &'static str, by_hand: &str) -> (Outcome, std::sync::Arc<Namespace>) {
    let candidate = Behaviour::Unready.image("shop:v2");
    let Begun { handle, shop, before } = begun(kind, &candidate).await;
    shop.eventually("a pod of the candidate", async || {
        let there = pods(&shop).await.iter().any(|pod| image(pod) == candidate);
        Ok(if there { Ok(()) } else { Err("there is none".to_owned()) })
    })
    .await
    .unwrap();
    set_image(&shop, kind, by_hand).await;
    let outcome = handle.outcome().await.unwrap();
    assert_eq!(settings(&shop, kind).await, before, "{kind}");
    (outcome, shop)
}

/// Another image is a hotfix: it stays, and the object's own update strategy brings it.
#[tokio::test]
async fn a_hotfix_in_the_midst_stays() {
    for kind in KINDS {
        let (outcome, shop) = edited(kind, "shop:v3").await;
        assert_eq!(outcome.ending(), Ending::RolledBack, "{kind}: {outcome:?}");
        assert!(outcome.why().contains("somebody made stable shop:v3"), "{kind}: {}", outcome.why());
        // Its controller ends the last of the others when enough of these are ready.
        shop.eventually("pods of shop:v3 alone", async || {
            let there = serving(&shop).await;
            let alone = there == [("shop:v3".to_owned(), ALL)].into();
            Ok(if alone { Ok(()) } else { Err(format!("{kind}: {there:?}")) })
        })
        .await
        .unwrap();
    }
}

/// Stable's image is an undo: it is taken back.
#[tokio::test]
async fn an_undo_in_the_midst_is_no_promotion() {
    for kind in KINDS {
        let (outcome, shop) = edited(kind, "shop:v1").await;
        assert_eq!(outcome.ending(), Ending::RolledBack, "{kind}: {outcome:?}");
        assert!(outcome.why().contains("somebody has put shop:v1 back"), "{kind}: {}", outcome.why());
        counts(&shop, ALL, 0).await;
    }
}
