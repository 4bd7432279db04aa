//! Objects that both tracks live in: one thing is broken, and exactly that is said.

use serde_json::{Value, json};
use shepherd_kube::preflight::Severity::{Error, Warning};
use shepherd_kube::preflight::{Grounded, Preflight, Report};
use shepherd_kube::workload::{InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};

use super::images::Catalogue;
use super::shop::{
    AUTOSCALERS, BUDGETS, CLAIMS, DEPLOYMENTS, QUOTAS, SECRETS, Shop, changes, deployment, says,
};
use crate::api::Api;

const STATEFUL_SETS: &str = "/apis/apps/v1/namespaces/shop/statefulsets";
const DAEMON_SETS: &str = "/apis/apps/v1/namespaces/shop/daemonsets";

const KINDS: [(&str, &str); 3] =
    [("Deployment", DEPLOYMENTS), ("StatefulSet", STATEFUL_SETS), ("DaemonSet", DAEMON_SETS)];

/// The shop with one object of each kind.
fn sound() -> Shop {
    let mut shop = Shop::sound();
    let of = |kind: &str, status: Value| {
        let mut object = deployment("web");
        object["kind"] = kind.into();
        object["status"] = status;
        object
    };
    let counts =
        json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    shop.add(STATEFUL_SETS, of("StatefulSet", counts));
    let counts = json!({
        "observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
        "updatedNumberScheduled": 2, "numberAvailable": 2,
    });
    shop.add(DAEMON_SETS, of("DaemonSet", counts));
    shop
}

async fn checked(api: &Api, kind: &str) -> Report {
    checked_for(api, kind, Catalogue::default()).await
}

async fn checked_for(api: &Api, kind: &str, images: Catalogue) -> Report {
    let client = api.client();
    let workload: Box<dyn Grounded> = match kind {
        "Deployment" => Box::new(InPlaceDeployment::new(client.clone(), "shop", "web")),
        "StatefulSet" => Box::new(InPlaceStatefulSet::new(client.clone(), "shop", "web")),
        _ => Box::new(InPlaceDaemonSet::new(client.clone(), "shop", "web")),
    };
    api.seen();
    let preflight = Preflight::of(&client).workload(&*workload).candidate("web:v2".parse().unwrap());
    let report = preflight.images(images).check().await.unwrap();
    let seen = api.seen();
    assert!(!seen.iter().any(changes), "{seen:?}");
    report
}

/// The shop where every object was changed like this.
fn changed(change: impl Fn(&mut Value)) -> Shop {
    let mut shop = sound();
    for (_, collection) in KINDS {
        change(shop.object(collection, "web"));
    }
    shop
}

#[tokio::test]
async fn nothing_is_found_and_the_first_batch_is_rehearsed() {
    for (kind, collection) in KINDS {
        let api = sound().open();
        let report = checked(&api, kind).await;
        assert!(report.findings().is_empty(), "{kind}: {report}");
        let object = api.get(collection, "web");
        assert_eq!(object["metadata"]["annotations"], Value::Null, "{kind}");
        let text = report.to_string();
        assert!(text.contains(&format!("{kind} shop/web: four annotations of shepherd.rs, spec.")), "{text}");
    }
}

#[tokio::test]
async fn an_image_that_is_not_there_is_found() {
    for (kind, _) in KINDS {
        let what = "the image web:v2 of its container app cannot be pulled: the catalogue has none";
        let report = checked_for(&sound().open(), kind, Catalogue::without("web:v2")).await;
        says(&report, Error, &format!("{kind} shop/web"), what, "push it");
    }
}

#[tokio::test]
async fn each_forbidden_verb_is_named_with_its_rule() {
    let cases = [
        ("Deployment", "patch", "deployments"),
        ("Deployment", "patch", "replicasets"),
        ("Deployment", "list", "pods"),
        ("StatefulSet", "get", "statefulsets"),
        ("StatefulSet", "list", "controllerrevisions"),
        ("StatefulSet", "delete", "pods"),
        ("DaemonSet", "patch", "daemonsets"),
        ("DaemonSet", "delete", "pods"),
    ];
    for (kind, verb, resource) in cases {
        let api = sound().open();
        api.denies(verb, resource);
        let (what, rule) = (format!("may not {verb} {resource}"), format!(r#""verbs":["{verb}"]}}"#));
        says(&checked(&api, kind).await, Error, "Role in shop", &what, &rule);
    }
}

#[tokio::test]
async fn what_no_kind_can_begin_with() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str, &str); 6] = [
        (|object| object["spec"]["revisionHistoryLimit"] = 0.into(), "nothing to go back to", "1 or more"),
        (
            |object| object["status"]["observedGeneration"] = 0.into(),
            "has not finished",
            "kubectl rollout status",
        ),
        (
            |object| {
                let containers = object["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
                containers.push(json!({"name": "proxy", "image": "proxy:v1"}));
            },
            "say which of its containers is rolled out: app, proxy",
            ".container(",
        ),
        (
            |object| object["metadata"]["annotations"] = json!({"shepherd.rs/tracks": "?"}),
            "shepherd.rs/tracks is damaged",
            "remove the annotation",
        ),
        (
            |object| object["metadata"]["annotations"] = json!({"shepherd.rs/mark": "?"}),
            "shepherd.rs/mark is damaged",
            "remove the annotation",
        ),
        (
            |object| {
                let from = &mut object["spec"]["template"]["spec"]["containers"][0]["envFrom"];
                from[0]["secretRef"]["name"] = "none".into();
            },
            "need Secret none",
            "create Secret none",
        ),
    ];
    for (change, what, remedy) in cases {
        for (kind, _) in KINDS {
            let report = checked(&changed(change).open(), kind).await;
            says(&report, Error, &format!("{kind} shop/web"), what, remedy);
        }
    }
    for (kind, collection) in KINDS {
        let mut shop = sound();
        shop.remove(collection, "web");
        let report = checked(&shop.open(), kind).await;
        says(&report, Error, &format!("{kind} shop/web"), "does not exist", "correct its name");
    }
}

#[tokio::test]
async fn of_no_replicas_none_can_be_replaced() {
    let none = |object: &mut Value| {
        object["spec"]["replicas"] = 0.into();
        object["status"]["desiredNumberScheduled"] = 0.into();
    };
    for ((kind, _), remedy) in KINDS.into_iter().zip(["scale it up", "scale it up", "run on a node first"]) {
        let report = checked(&changed(none).open(), kind).await;
        says(&report, Error, &format!("{kind} shop/web"), "it shall have 0 replicas", remedy);
    }
}

#[tokio::test]
async fn what_somebody_should_know_before() {
    let tool = |object: &mut Value| {
        object["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "x"});
    };
    for ((kind, _), field) in
        KINDS.into_iter().zip(["/spec/minReadySeconds", "/spec/updateStrategy", "/spec/updateStrategy"])
    {
        let report = checked(&changed(tool).open(), kind).await;
        says(&report, Warning, &format!("{kind} shop/web"), "Argo CD applies it", field);
    }
    let farewell = |object: &mut Value| {
        drop(object["spec"]["template"]["spec"]["containers"][0]["lifecycle"].take());
    };
    let budget = json!({"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    for (kind, _) in KINDS {
        let report = checked(&changed(farewell).open(), kind).await;
        says(&report, Warning, &format!("{kind} shop/web"), "no preStop hook", "preStop");
        let mut shop = sound();
        shop.add(BUDGETS, budget.clone());
        let report = checked(&shop.open(), kind).await;
        says(&report, Warning, "PodDisruptionBudget shop/web", "does not ask it", "(minAvailable 1)");
        let mut shop = sound();
        let target = json!({"kind": kind, "name": "web"});
        shop.add(AUTOSCALERS, json!({"metadata": {"name": "auto"}, "spec": {"scaleTargetRef": target}}));
        let report = checked(&shop.open(), kind).await;
        says(&report, Warning, "HorizontalPodAutoscaler shop/auto", "scale both tracks", "minReplicas");
    }
}

#[tokio::test]
async fn strategies_that_are_not_a_rollouts() {
    let on_delete = |object: &mut Value| object["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    for (kind, _) in &KINDS[1..] {
        let report = checked(&changed(on_delete).open(), kind).await;
        says(&report, Warning, &format!("{kind} shop/web"), "is OnDelete", "put back");
    }
    let recreate = |object: &mut Value| object["spec"]["strategy"] = json!({"type": "Recreate"});
    let report = checked(&changed(recreate).open(), "Deployment").await;
    says(&report, Warning, "Deployment shop/web", "is Recreate", "do not roll it out in place");
}

#[tokio::test]
async fn a_rollout_that_has_not_finished_says_how_it_would() {
    let mut shop = sound();
    let set = shop.object(STATEFUL_SETS, "web");
    set["status"]["updatedReplicas"] = 1.into();
    set["spec"]["updateStrategy"] = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 1}});
    let report = checked(&shop.open(), "StatefulSet").await;
    says(
        &report,
        Error,
        "StatefulSet shop/web",
        "of 2 replicas 1 are updated",
        "`partition` of its updateStrategy to 0",
    );

    let mut shop = sound();
    let set = shop.object(DAEMON_SETS, "web");
    set["status"]["updatedNumberScheduled"] = 1.into();
    set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    let report = checked(&shop.open(), "DaemonSet").await;
    let [error] = &report.errors().collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert!(error.remedy.contains("end the pods of the revision before"), "{report}");

    let mut shop = sound();
    shop.object(DEPLOYMENTS, "web")["spec"]["paused"] = true.into();
    says(&checked(&shop.open(), "Deployment").await, Error, "Deployment shop/web", "is paused", "resume");
}

#[tokio::test]
async fn only_what_surges_needs_anything_twice() {
    let mut shop = changed(|object| {
        let spec = &mut object["spec"]["template"]["spec"];
        spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
    });
    shop.add(CLAIMS, json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOncePod"]}}));
    shop.add(
        QUOTAS,
        json!({
            "metadata": {"name": "all"}, "spec": {},
            "status": {"hard": {"pods": "2"}, "used": {"pods": "2"}},
        }),
    );
    let api = shop.open();
    for (kind, _) in &KINDS[1..] {
        let report = checked(&api, kind).await;
        assert!(report.findings().is_empty(), "{kind}: {report}");
    }
    let text = checked(&api, "Deployment").await.to_string();
    assert!(text.contains("[8080]") && text.contains("pods 2 of 2 is in use"), "{text}");
}

#[tokio::test]
async fn a_rollout_that_is_under_way_may_be_gone_on_with() {
    let tracks = json!({
        "stable": {"revision": "web:v1", "replicas": 1}, "candidate": {"revision": "web:v2", "replicas": 1},
    });
    let begun = |object: &mut Value| {
        object["metadata"]["annotations"] = json!({"shepherd.rs/tracks": tracks.to_string()});
        object["status"]["updatedReplicas"] = 1.into();
    };
    for (kind, _) in KINDS {
        let report = checked(&changed(begun).open(), kind).await;
        says(
            &report,
            Warning,
            &format!("{kind} shop/web"),
            "two revisions already",
            "start that rollout again",
        );
        assert_eq!(report.ready(), Ok(()));
        // Nothing of it has to be ended to find out that there is no such image.
        let report = checked_for(&changed(begun).open(), kind, Catalogue::without("web:v2")).await;
        let why = report.possible().unwrap_err().to_string();
        assert!(why.contains("the image web:v2 of its container app cannot be pulled"), "{why}");
    }
}

#[tokio::test]
async fn what_admission_refuses_is_told() {
    for (kind, path) in KINDS.into_iter().map(|(kind, _)| kind).zip([
        "/deployments/web",
        "/statefulsets/web",
        "/daemonsets/web",
    ]) {
        let api = sound().open();
        api.objects_to_writes(path, 400, "the policy wants no such strategy");
        let report = checked(&api, kind).await;
        says(&report, Error, &format!("{kind} shop/web"), "wants no such strategy", "admission policy");
    }
    // Of the Secret nothing but its metadata was read for any of this.
    assert_eq!(sound().open().list(SECRETS).len(), 1);
}
