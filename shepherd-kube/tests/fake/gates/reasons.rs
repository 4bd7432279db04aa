use serde_json::{Value, json};
use shepherd_core::model::Verdict;
use shepherd_core::ports::{CheckContext, HealthGate};
use shepherd_kube::Watches;
use shepherd_kube::gate::{
    AutoscalerHeadroom, Endpoints, ImagesPulled, NoCrashLoops, PodsReady, ReplicaCount, Restarts, Tracks,
};

use super::shop::{AUTOSCALERS, DEPLOYMENTS, PODS, SETS, SLICES, Shop, endpoint, pod, question, set};
use crate::api::Api;
use crate::watching::eventually;

/// What is done to a shop that is well, and how its verdict then begins.
type Case<'c> = (&'c dyn Fn(&Shop), &'c str);

async fn judge<G: HealthGate>(gate: fn(Tracks) -> G, cases: &[Case<'_>]) {
    let well = gate(Shop::new().tracks()).check(&question()).await.unwrap();
    assert!(well.is_pass(), "{well}");
    for (change, said) in cases {
        let shop = Shop::new();
        change(&shop);
        let watches = Watches::new(shop.0.client());
        for tracks in [shop.tracks(), shop.tracks().watching(&watches)] {
            let verdict = gate(tracks).check(&question()).await.unwrap();
            assert_eq!(verdict.to_string(), *said);
        }
    }
}

async fn said<G: HealthGate>(gate: G, context: &CheckContext) -> String {
    gate.check(context).await.unwrap().to_string()
}

fn waits(reason: &str, message: &str) -> Value {
    json!({"running": null, "waiting": {"reason": reason, "message": message}})
}

fn ended(reason: &str, code: u32) -> Value {
    json!({"terminated": {"reason": reason, "exitCode": code}})
}

fn unready(shop: &Shop) {
    let ready =
        json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "[app]"});
    shop.pod(&json!({"conditions": [ready]}));
}

#[tokio::test]
async fn what_cannot_be_seen_is_inconclusive_for_every_gate() {
    let cases: [Case<'_>; 5] = [
        (
            &|shop| shop.0.delete(DEPLOYMENTS, "web-candidate"),
            "inconclusive: there is no Deployment shop/web-candidate",
        ),
        (
            &|shop| shop.deployment(&json!({"status": {"observedGeneration": 0}})),
            "inconclusive: the controller of Deployment shop/web-candidate has not seen its last change yet",
        ),
        (
            &|shop| shop.deployment(&json!({"spec": {"replicas": 0}})),
            "inconclusive: Deployment shop/web-candidate wants no replicas",
        ),
        (
            &|shop| shop.0.delete(SETS, "web-candidate-a"),
            "inconclusive: Deployment shop/web-candidate has no replicas of its present template yet",
        ),
        (
            &|shop| {
                shop.deployment(&json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "web:v3"}]}}}}));
            },
            "inconclusive: Deployment shop/web-candidate runs web:v3, and web:v2 is asked about",
        ),
    ];
    judge(PodsReady::of, &cases).await;
    judge(NoCrashLoops::of, &cases).await;
    judge(|tracks| Restarts::of(tracks, 1), &cases).await;
    judge(ImagesPulled::of, &cases).await;
    judge(ReplicaCount::of, &cases).await;
    judge(|tracks| Endpoints::of(tracks, "web", "web-candidate"), &cases).await;
}

#[tokio::test]
async fn the_other_track_is_no_concern() {
    let shop = Shop::new();
    shop.0.merge(PODS, "web-a-1", &json!({"status": {"phase": "Failed", "containerStatuses": []}}));
    shop.0.delete(SLICES, "web-1");
    for verdict in [
        said(PodsReady::of(shop.tracks()), &question()).await,
        said(NoCrashLoops::of(shop.tracks()), &question()).await,
        said(Endpoints::of(shop.tracks(), "web", "web-candidate"), &question()).await,
    ] {
        assert!(verdict.starts_with("pass: "), "{verdict}");
    }
    let mut stable = question();
    (stable.track, stable.revision) = (shepherd_core::model::Track::Stable, "web:v1".parse().unwrap());
    assert_eq!(said(PodsReady::of(shop.tracks()), &stable).await, "fail: pod web-a-1: it failed");
}

#[tokio::test]
async fn pods_ready() {
    let left = |shop: &Shop| {
        let mut before = set("web-candidate", "web:v0");
        before["metadata"]["name"] = "web-candidate-0".into();
        shop.0.keep(SETS, before);
        let mut old = pod("web-candidate", 9);
        old["metadata"]["ownerReferences"][0]["uid"] = "web-candidate-0".into();
        shop.0.keep(PODS, old);
    };
    let leaving = |shop: &Shop| {
        left(shop);
        shop.0.merge(
            PODS,
            "web-candidate-a-9",
            &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        );
    };
    let quota = |shop: &Shop| {
        shop.0.delete(PODS, "web-candidate-a-2");
        shop.set(&json!({"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}]}));
    };
    judge(
        PodsReady::of,
        &[
            (&unready, "fail: pod web-candidate-a-1 is not ready: ContainersNotReady: [app]"),
            (
                &|shop| {
                    unready(shop);
                    shop.container(&json!({"state": waits("ImagePullBackOff", "no such image")}));
                },
                "fail: pod web-candidate-a-1, container app: ImagePullBackOff: no such image",
            ),
            (
                &|shop| shop.pod(&json!({"conditions": []})),
                "fail: pod web-candidate-a-1 is not ready: it has not said that it is ready",
            ),
            (
                &|shop| shop.0.delete(PODS, "web-candidate-a-2"),
                "fail: Deployment shop/web-candidate has 1 pods of 2",
            ),
            (&quota, "fail: FailedCreate: exceeded quota"),
            (
                &left,
                "fail: Deployment shop/web-candidate still has pods of another revision: web-candidate-a-9",
            ),
            (&leaving, "pass: Deployment shop/web-candidate: all 2 pods are ready"),
        ],
    )
    .await;
}

#[tokio::test]
async fn no_crash_loops() {
    let of = "pod web-candidate-a-1, container app:";
    let again = json!({"restartCount": 3, "state": waits("CrashLoopBackOff", "back-off 40s"), "lastState": ended("Error", 3)});
    let memory = json!({"restartCount": 1, "lastState": ended("OOMKilled", 137)});
    let over = json!({"state": {"running": null, "terminated": {"reason": "Error", "exitCode": 2}}});
    let well = json!({"restartCount": 1, "lastState": ended("Error", 3)});
    let no_pods = |shop: &Shop| {
        shop.0.delete(PODS, "web-candidate-a-1");
        shop.0.delete(PODS, "web-candidate-a-2");
    };
    judge(
        NoCrashLoops::of,
        &[
            (
                &|shop| shop.container(&again),
                &format!("fail: {of} CrashLoopBackOff: it exited with 3, 3 restarts; back-off 40s"),
            ),
            (
                &|shop| shop.container(&memory),
                &format!("fail: {of} it was ended: OOMKilled, code 137, 1 restarts"),
            ),
            (&|shop| shop.container(&over), &format!("fail: {of} it exited with 2, 0 restarts")),
            (&|shop| shop.container(&well), "pass: Deployment shop/web-candidate: 2 pods crash nowhere"),
            (&no_pods, "inconclusive: Deployment shop/web-candidate has no pods yet"),
        ],
    )
    .await;
}

#[tokio::test]
async fn restarts() {
    let some = json!({"restartCount": 2, "lastState": ended("Error", 3)});
    let many = json!({"restartCount": 3, "lastState": ended("Error", 3)});
    judge(
        |tracks| Restarts::of(tracks, 2),
        &[
            (&|shop| shop.container(&some), "pass: Deployment shop/web-candidate: 2 pods have 2 restarts of 2 allowed"),
            (
                &|shop| shop.container(&many),
                "fail: 3 restarts, and 2 are allowed; 3 of them in pod web-candidate-a-1, container app, it exited with 3",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn images_pulled() {
    let of = "pod web-candidate-a-1, container app:";
    let refused = json!({"imageID": "", "state": waits("ErrImagePull", "401 from the registry")});
    let pulling = json!({"imageID": "", "state": waits("ContainerCreating", "")});
    judge(
        ImagesPulled::of,
        &[
            (&|shop| shop.container(&refused), &format!("fail: {of} ErrImagePull: 401 from the registry")),
            (&|shop| shop.container(&pulling), &format!("inconclusive: {of} its image is not there yet")),
            (
                &|shop| shop.pod(&json!({"containerStatuses": null})),
                "inconclusive: pod web-candidate-a-1: its image is not there yet",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn replica_count() {
    let numbers = "fail: Deployment shop/web-candidate: 2 wanted, 2 there, 1 ready, 0 available";
    let late = |shop: &Shop| shop.set(&json!({"readyReplicas": 1, "availableReplicas": 0}));
    let broken = |shop: &Shop| {
        late(shop);
        shop.container(&json!({"state": waits("CreateContainerConfigError", "secret \"db\" not found")}));
    };
    let why = "pod web-candidate-a-1, container app: CreateContainerConfigError: secret \"db\" not found";
    judge(
        ReplicaCount::of,
        &[
            (&late, numbers),
            (&broken, &format!("{numbers}; {why}")),
            (
                &|shop| shop.set(&json!({"replicas": 3, "readyReplicas": 3, "availableReplicas": 3})),
                "fail: Deployment shop/web-candidate: 2 wanted, 3 there, 3 ready, 3 available",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn endpoints() {
    let late = |nth| {
        let mut endpoint = endpoint("web-candidate", nth);
        endpoint["conditions"]["ready"] = false.into();
        endpoint
    };
    let ours = |nth| endpoint("web-candidate", nth);
    let bare = json!({"addresses": ["10.9.9.9"], "conditions": {}});
    judge(
        |tracks| Endpoints::of(tracks, "web", "web-candidate"),
        &[
            (
                &|shop| shop.0.delete(SLICES, "web-candidate-1"),
                "inconclusive: Service web-candidate has no EndpointSlices; is there one?",
            ),
            (&|shop| shop.endpoints(&[]), "fail: none of the 0 endpoints of Service web-candidate is ready"),
            (
                &|shop| shop.endpoints(&[late(1), late(2)]),
                "fail: none of the 2 endpoints of Service web-candidate is ready",
            ),
            (
                &|shop| shop.endpoints(&[ours(1), ours(2), endpoint("web", 1)]),
                "fail: Service web-candidate leads to 10.0.0.1 (pod web-a-1), which is no pod of Deployment shop/web-candidate",
            ),
            (
                &|shop| shop.endpoints(&[ours(1), ours(2), bare.clone()]),
                "fail: Service web-candidate leads to 10.9.9.9, which is no pod of Deployment shop/web-candidate",
            ),
            (
                &|shop| shop.endpoints(&[ours(1), late(2)]),
                "fail: pod web-candidate-a-2 is ready, and not among the endpoints of Service web-candidate",
            ),
            (
                &|shop| {
                    unready(shop);
                    shop.endpoints(&[late(1), ours(2)]);
                },
                "pass: Service web-candidate leads to 1 pods of Deployment shop/web-candidate, and to no others",
            ),
        ],
    )
    .await;
}

/// The Service was led to these pods, and the watch of its endpoints has not heard of it.
#[tokio::test(start_paused = true)]
async fn endpoints_fail_only_when_the_server_says_so() {
    let shop = Shop(Api::default().watched());
    shop.is_well();
    shop.endpoints(&[endpoint("web", 1)]);
    let tracks = shop.tracks().watching(shop.0.watches().unwrap());
    let gate = Endpoints::of(tracks, "web", "web-candidate");
    let asked = async || {
        let verdict = gate.check(&question()).await.unwrap();
        (verdict, shop.0.seen().into_iter().map(|seen| seen.path).collect::<Vec<_>>())
    };
    eventually(async || {
        let (verdict, paths) = asked().await;
        assert!(matches!(verdict, Verdict::Fail(_)), "{verdict}");
        paths == [SLICES]
    })
    .await;
    shop.0.lags(Some("endpointslices"));
    shop.endpoints(&[1, 2].map(|nth| endpoint("web-candidate", nth)));
    let (verdict, paths) = asked().await;
    assert!(matches!(verdict, Verdict::Pass(_)) && paths == [SLICES], "{verdict}: {paths:?}");
}

#[tokio::test]
async fn autoscaler_headroom() {
    let status = |status: Value| move |shop: &Shop| shop.autoscaler(&json!({"status": status}));
    let off = json!([{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric", "message": "no metrics"}]);
    judge(
        AutoscalerHeadroom::of,
        &[
            (
                &status(json!({"currentReplicas": 3})),
                "pass: autoscaler web-candidate: 3 replicas, 2 wanted, 4 allowed; cpu is used to 61%",
            ),
            (
                &status(json!({"currentReplicas": 3, "desiredReplicas": 4})),
                "fail: autoscaler web-candidate: 3 replicas, 4 wanted, 4 allowed; cpu is used to 61%; 1 must be left",
            ),
            (
                &status(json!({"conditions": off})),
                "inconclusive: autoscaler web-candidate: FailedGetResourceMetric: no metrics",
            ),
            (&|shop| shop.autoscaler(&json!({"status": null})), "inconclusive: autoscaler web-candidate: it says nothing yet"),
            (
                &|shop| shop.0.delete(AUTOSCALERS, "web-candidate"),
                "inconclusive: no autoscaler scales Deployment shop/web-candidate",
            ),
        ],
    )
    .await;
    let spare = AutoscalerHeadroom::of(Shop::new().tracks()).spare(3);
    assert!(matches!(spare.check(&question()).await.unwrap(), Verdict::Fail(_)));
}

#[tokio::test]
async fn a_service_says_which_deployment_is_stable() {
    let shop = Shop::new();
    let services = "/api/v1/namespaces/shop/services";
    let api = shop.0.clone().with(services, json!({"kind": "Service", "metadata": {"name": "web"}}));
    let gate = PodsReady::of(shop.tracks().switched_by("web"));
    let said = async || gate.check(&question()).await.unwrap().to_string();
    assert!(said().await.starts_with("pass: Deployment shop/web-candidate"), "{}", said().await);
    api.merge(
        services,
        "web",
        &json!({"metadata": {"annotations": {"shepherd.rs/stable": "web-candidate"}}}),
    );
    assert_eq!(said().await, "inconclusive: Deployment shop/web runs web:v1, and web:v2 is asked about");
    let deployments = "/apis/apps/v1/namespaces/shop/deployments";
    let named = json!({"metadata": {"annotations": {"shepherd.rs/revision": "web:v2"}}});
    api.merge(deployments, "web", &json!({"spec": {"template": named}}));
    api.merge("/apis/apps/v1/namespaces/shop/replicasets", "web-a", &json!({"spec": {"template": named}}));
    assert!(said().await.starts_with("pass: Deployment shop/web:"), "{}", said().await);
}
