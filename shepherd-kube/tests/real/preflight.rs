use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ResourceQuota, Secret, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::Client;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use shepherd_core::model::{Epoch, FailureKind, Fence, RolloutId};
use shepherd_core::ports::{TrafficRouter, Workload};
use shepherd_kube::blue_green::BlueGreenService;
use shepherd_kube::gate::{AutoscalerHeadroom, Endpoints, PodsReady, Tracks};
use shepherd_kube::preflight::{Preflight, Report, Severity};
use shepherd_kube::registry::{Credentials, Registries};
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::workload::{
    DeploymentPair, InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet, Labels,
};
use shepherd_testkit::cluster::{Cluster, Namespace};

/// A service behind Envoy that a rollout can begin with.
async fn sound() -> Namespace {
    let cluster = Cluster::shared().await.unwrap();
    cluster.gateway().await.unwrap();
    let shop = cluster.namespace("shop").await.unwrap();
    let container = json!({
        "name": "app", "image": "shop:v1", "ports": [{"containerPort": 8080}],
        "envFrom": [{"secretRef": {"name": "keys"}}],
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
        "resources": {"requests": {"cpu": "10m"}},
    });
    let labels = json!({"app": "web", "tier": "front"});
    let deployment = json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    });
    shop.create_object::<Secret>(json!({"metadata": {"name": "keys"}, "stringData": {"key": "hidden"}}))
        .await
        .unwrap();
    shop.create_object::<Deployment>(deployment).await.unwrap();
    for name in ["web", "web-candidate"] {
        shop.service(name, name).await.unwrap();
    }
    let host = format!("{}.example", shop.name());
    shop.http_route("web", &host, &[("web", 1)]).await.unwrap();
    shop.ready_pods("app=web", 2).await.unwrap();
    shop
}

async fn checked(shop: &Namespace, client: Client) -> Report {
    let pair = DeploymentPair::new(client.clone(), shop.name(), "web").services("web", "web-candidate");
    let route = GatewayRoute::http(client.clone(), shop.name(), "web");
    Preflight::of(&client).workload(&pair).router(&route).check().await.unwrap()
}

/// The controllers have said all that they have to say.
async fn settled(shop: &Namespace) -> Report {
    let look = async || {
        let report = checked(shop, shop.client()).await;
        let late = |text: &str| text.contains("has not finished") || text.contains("not every gateway");
        Ok(if report.errors().any(|one| late(&one.what)) { Err(report.to_string()) } else { Ok(report) })
    };
    shop.eventually("the controllers to be done", look).await.unwrap()
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> PolicyRule {
    serde_json::from_value(json!({"apiGroups": [group], "resources": [resource], "verbs": verbs})).unwrap()
}

/// All that the adapters need, and nothing else.
fn role() -> Vec<PolicyRule> {
    vec![
        rule("apps", "deployments", &["get", "patch", "create"]),
        rule("apps", "replicasets", &["list"]),
        rule("", "pods", &["list"]),
        rule("discovery.k8s.io", "endpointslices", &["list"]),
        rule("gateway.networking.k8s.io", "httproutes", &["get", "patch"]),
    ]
}

#[tokio::test]
async fn nothing_is_found_and_nothing_is_changed() {
    let shop = sound().await;
    settled(&shop).await;
    let before = shop.api::<Deployment>().list(&ListParams::default()).await.unwrap();
    let report = checked(&shop, shop.client()).await;
    assert!(report.findings().is_empty(), "{report}");
    assert!(report.server().unwrap().starts_with("v1."), "{report}");
    assert!(!report.to_string().contains("hidden"));
    let after = shop.api::<Deployment>().list(&ListParams::default()).await.unwrap();
    assert_eq!(after.items, before.items);
}

#[tokio::test]
async fn the_smallest_role_is_ready_and_is_told_what_it_could_not_look_at() {
    let shop = sound().await;
    settled(&shop).await;
    let client = shop.user("bot", role()).await.unwrap();
    let report = checked(&shop, client).await;
    assert_eq!(report.ready(), Ok(()), "{report}");
    assert!(report.warnings().all(|one| one.what.contains("cannot be checked")), "{report}");
    assert!(report.warnings().any(|one| one.remedy.contains("kubectl get secret")), "{report}");
}

#[tokio::test]
async fn forbidden_verbs_are_named_with_their_rules() {
    let shop = sound().await;
    settled(&shop).await;
    let mut rules = role();
    rules[0] = rule("apps", "deployments", &["get"]);
    rules.pop();
    let client = shop.user("bot", rules).await.unwrap();
    let report = checked(&shop, client).await;
    let told: Vec<_> = report.errors().map(|one| (one.what.as_str(), one.remedy.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                "this client may not get, patch httproutes.gateway.networking.k8s.io",
                r#"add the rule {"apiGroups":["gateway.networking.k8s.io"],"resources":["httproutes"],"verbs":["get","patch"]}"#
            ),
            (
                "this client may not patch, create deployments.apps",
                r#"add the rule {"apiGroups":["apps"],"resources":["deployments"],"verbs":["patch","create"]}"#
            ),
        ]
    );
}

#[tokio::test]
async fn a_selector_that_catches_both_tracks_is_found() {
    let shop = sound().await;
    settled(&shop).await;
    let wide = json!([{"op": "replace", "path": "/spec/selector", "value": {"tier": "front"}}]);
    let patch: json_patch::Patch = serde_json::from_value(wide).unwrap();
    let services = shop.api::<Service>();
    services.patch("web", &PatchParams::default(), &Patch::Json::<Value>(patch)).await.unwrap();
    let report = checked(&shop, shop.client()).await;
    let [found] = report.findings() else { panic!("{report}") };
    assert_eq!((found.severity, found.remedy.as_str()), (Severity::Error, "make its selector app=web"));
    assert!(found.what.contains("tier=front catches both tracks"), "{report}");
}

#[tokio::test]
async fn what_a_rollout_by_ratio_has_left_is_told_alone_and_its_remedy_is_all_that_it_takes() {
    let shop = sound().await;
    settled(&shop).await;
    let pair = DeploymentPair::new(shop.client(), shop.name(), "web").labels(Labels::Shared);
    let fence = Fence { rollout: RolloutId::new("shop/web#1").unwrap(), epoch: Epoch::new(1) };
    pair.claim(&fence).await.unwrap();
    let report = settled(&shop).await;
    let [found] = report.findings() else { panic!("{report}") };
    assert!(found.what.contains("the labels of stable's"), "{report}");
    assert!(found.remedy.contains("kubectl delete deployment web-candidate"), "{report}");
    shop.api::<Deployment>().delete("web-candidate", &DeleteParams::default()).await.unwrap();
    let look = async || {
        let report = settled(&shop).await;
        Ok(if report.findings().is_empty() { Ok(()) } else { Err(report.to_string()) })
    };
    shop.eventually("the Deployment to be gone", look).await.unwrap();
}

#[tokio::test]
async fn an_image_that_its_registry_has_not_is_found_before() {
    let shop = sound().await;
    settled(&shop).await;
    let client = shop.client();
    let pair = DeploymentPair::new(client.clone(), shop.name(), "web").services("web", "web-candidate");
    let asked = async |image: &str, registries: Registries| {
        let preflight = Preflight::of(&client).workload(&pair).candidate(image.parse().unwrap());
        preflight.images(registries).check().await.unwrap()
    };

    let registry = shop.cluster().registry().await.unwrap();
    let there = registry.push("acme/shop:v2").await.unwrap();
    let report = asked(&there, Registries::new()).await;
    assert!(report.findings().iter().all(|one| !one.of_candidate), "{report}");
    for missing in ["acme/shop:v3", "acme/shoop:v2"] {
        let report = asked(&registry.image(missing), Registries::new()).await;
        let errors: Vec<_> = report.errors().collect();
        let [error] = errors[..] else { panic!("{report}") };
        let image = registry.image(missing);
        let what = format!(
            "the image {image} of its container app cannot be pulled: {} has none",
            registry.address()
        );
        assert!(error.what.starts_with(&what) && error.what.contains("MANIFEST_UNKNOWN"), "{error}");
    }

    let private = shop.cluster().private_registry().await.unwrap();
    let hidden = private.push("acme/shop:v2").await.unwrap();
    let report = asked(&hidden, Registries::new()).await;
    assert!(report.errors().next().is_none(), "{report}");
    let unknown = "tells nobody without a login";
    assert!(report.warnings().any(|one| one.of_candidate && one.what.contains(unknown)), "{report}");
    let (user, password) = private.login().unwrap();
    let as_user = || Registries::new().credentials(move |_| Ok(Some(Credentials::new(user, password))));
    let report = asked(&hidden, as_user()).await;
    assert!(report.findings().iter().all(|one| !one.of_candidate), "{report}");
    let report = asked(&private.image("acme/shop:v3"), as_user()).await;
    assert!(report.errors().any(|one| one.what.contains("has none that this login may see")), "{report}");
}

#[tokio::test]
async fn what_a_quota_refuses_is_found_before() {
    let shop = sound().await;
    settled(&shop).await;
    let quota =
        json!({"metadata": {"name": "all"}, "spec": {"hard": {"pods": "3", "count/deployments.apps": "1"}}});
    shop.create_object::<ResourceQuota>(quota).await.unwrap();
    let look = async || {
        let report = checked(&shop, shop.client()).await;
        Ok(if report.errors().count() == 2 { Ok(report) } else { Err(report.to_string()) })
    };
    let report = shop.eventually("the quota to be counted", look).await.unwrap();
    let text = report.to_string();
    assert!(text.contains("pods 2 of 3 is in use") && text.contains("exceeded quota: all"), "{text}");
}

#[tokio::test]
async fn a_missing_definition_is_named() {
    let cluster = Cluster::builder().service_proxy(false).start().await.unwrap();
    let shop = cluster.namespace("shop").await.unwrap();
    let route = GatewayRoute::http(shop.client(), shop.name(), "web");
    let report = Preflight::of(&shop.client()).router(&route).check().await.unwrap();
    let [found] = report.findings() else { panic!("{report}") };
    assert_eq!(found.object, "HTTPRoute of gateway.networking.k8s.io/v1");
    assert!(found.what.contains("does not know this kind"), "{report}");
    // Without a preflight the first look says as much.
    let error = route.observe().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Permanent);
    assert!(error.to_string().contains("install its definition"), "{error}");
}

#[tokio::test]
async fn a_missing_service_is_named_with_its_selector() {
    let shop = sound().await;
    settled(&shop).await;
    shop.api::<Service>().delete("web-candidate", &DeleteParams::default()).await.unwrap();
    let report = checked(&shop, shop.client()).await;
    let found = report.errors().find(|one| one.object.starts_with("Service")).unwrap();
    assert!(found.object.ends_with("/web-candidate"), "{report}");
    assert_eq!(found.what, "it does not exist");
    assert!(found.remedy.contains("app=web-candidate"), "{report}");
}

#[tokio::test]
async fn a_route_with_no_such_backend_is_found() {
    let shop = sound().await;
    settled(&shop).await;
    let client = shop.client();
    let route = GatewayRoute::http(client.clone(), shop.name(), "web").backends("wbe", "wbe-candidate");
    let report = Preflight::of(&client).router(&route).check().await.unwrap();
    let [found] = report.findings() else { panic!("{report}") };
    assert_eq!(found.what, "none of its rules has a backend wbe", "{report}");
}

/// A `StatefulSet` or a `DaemonSet` besides, each with its pods.
async fn with_sets() -> Namespace {
    let shop = sound().await;
    let container = json!({
        "name": "app", "image": "shop:v1", "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
    });
    let set = |name: &str| {
        let labels = json!({"app": name});
        json!({
            "metadata": {"name": name},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        })
    };
    let mut db = set("db");
    db["spec"]["serviceName"] = "db".into();
    db["spec"]["replicas"] = 2.into();
    shop.create_object::<StatefulSet>(db).await.unwrap();
    shop.create_object::<DaemonSet>(set("agent")).await.unwrap();
    shop
}

/// What is said of the three kinds, once their controllers have said all that they have to say.
async fn in_place(shop: &Namespace, client: Client) -> Report {
    let web = InPlaceDeployment::new(client.clone(), shop.name(), "web");
    let db = InPlaceStatefulSet::new(client.clone(), shop.name(), "db");
    let agent = InPlaceDaemonSet::new(client.clone(), shop.name(), "agent");
    let look = async || {
        let preflight = Preflight::of(&client).workload(&web).workload(&db).workload(&agent);
        let report = preflight.check().await.unwrap();
        let late = report.errors().any(|one| one.what.contains("has not finished"));
        Ok(if late { Err(report.to_string()) } else { Ok(report) })
    };
    shop.eventually("the controllers to be done", look).await.unwrap()
}

/// All that the three kinds need, and nothing else.
fn role_in_place() -> Vec<PolicyRule> {
    vec![
        rule("apps", "deployments", &["get", "patch"]),
        rule("apps", "statefulsets", &["get", "patch"]),
        rule("apps", "daemonsets", &["get", "patch"]),
        rule("apps", "replicasets", &["list", "patch"]),
        rule("apps", "controllerrevisions", &["list"]),
        rule("", "pods", &["list", "delete"]),
    ]
}

#[tokio::test]
async fn objects_that_are_rolled_out_in_place_are_sound() {
    let shop = with_sets().await;
    let report = in_place(&shop, shop.client()).await;
    assert!(report.findings().is_empty(), "{report}");
    let client = shop.user("bot", role_in_place()).await.unwrap();
    let report = in_place(&shop, client).await;
    assert_eq!(report.ready(), Ok(()), "{report}");
    let mut rules = role_in_place();
    rules.truncate(3);
    let client = shop.user("stranger", rules).await.unwrap();
    let report = in_place(&shop, client).await;
    for part in [
        "may not list, patch replicasets.apps",
        "may not list controllerrevisions.apps",
        "may not list, delete pods",
    ] {
        assert!(report.to_string().contains(part), "{part}: {report}");
    }
}

#[tokio::test]
async fn what_an_object_in_place_lacks_is_found_before() {
    let shop = with_sets().await;
    in_place(&shop, shop.client()).await;
    let sets = shop.api::<StatefulSet>();
    let no_history = json!({"spec": {"revisionHistoryLimit": 0, "updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}});
    sets.patch("db", &PatchParams::default(), &Patch::Merge(no_history)).await.unwrap();
    let budget = json!({"metadata": {"name": "agent"}, "spec": {"maxUnavailable": "10%", "selector": {"matchLabels": {"app": "agent"}}}});
    shop.create_object::<PodDisruptionBudget>(budget).await.unwrap();
    let autoscaler = json!({"metadata": {"name": "web"}, "spec": {
        "maxReplicas": 4, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    }});
    shop.create_object::<HorizontalPodAutoscaler>(autoscaler).await.unwrap();
    let report = in_place(&shop, shop.client()).await;
    let [error] = &report.errors().collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert_eq!(error.remedy, "set it to 1 or more", "{report}");
    let text = report.to_string();
    for part in ["updateStrategy is OnDelete", "(maxUnavailable 10%)", "scale both tracks"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn gates_say_what_they_need() {
    let shop = sound().await;
    settled(&shop).await;
    let check = async |client: Client| {
        let tracks = Tracks::new(client.clone(), shop.name(), "web");
        let (pods, behind) =
            (PodsReady::of(tracks.clone()), Endpoints::of(tracks.clone(), "web", "web-next"));
        let headroom = AutoscalerHeadroom::of(tracks);
        Preflight::of(&client).also(&pods).also(&behind).also(&headroom).check().await.unwrap()
    };
    let report = check(shop.client()).await;
    assert_eq!(report.findings().len(), 2, "{report}");
    let text = report.to_string();
    assert!(text.contains("no EndpointSlices") && text.contains("no autoscaler scales it"), "{text}");
    let rules = vec![rule("apps", "deployments", &["get"]), rule("apps", "replicasets", &["list"])];
    let report = check(shop.user("bot", rules).await.unwrap()).await;
    for part in ["may not list pods", "may not list endpointslices", "may not list horizontalpodautoscalers"]
    {
        assert!(report.to_string().contains(part), "{part}: {report}");
    }
}

#[tokio::test]
async fn blue_and_green_are_sound() {
    let cluster = Cluster::shared().await.unwrap();
    let shop = cluster.namespace("shop").await.unwrap();
    let labels = json!({"app": "web", "color": "blue"});
    let container =
        json!({"name": "app", "image": "shop:v1", "lifecycle": {"preStop": {"sleep": {"seconds": 1}}}});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let spec = json!({"replicas": 1, "selector": {"matchLabels": labels}, "template": template});
    shop.create_object::<Deployment>(json!({"metadata": {"name": "web-blue"}, "spec": spec})).await.unwrap();
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": labels, "ports": [{"port": 80}]}});
    shop.create_object::<Service>(service).await.unwrap();
    let web = BlueGreenService::new(shop.client(), shop.name(), "web");
    let (router, workload) = (web.router(), web.workload());
    let look = async || {
        let report = Preflight::of(&shop.client()).workload(&workload).router(&router).check().await.unwrap();
        Ok(if report.findings().is_empty() { Ok(()) } else { Err(report.to_string()) })
    };
    shop.eventually("a sound ground", look).await.unwrap();
}
