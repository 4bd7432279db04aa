//! A namespace that a rollout of `web` can begin in, and ways to break it.

use serde_json::{Value, json};
use shepherd_kube::preflight::{Finding, Preflight, Report, Severity};
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::workload::DeploymentPair;

use crate::api::{Api, Seen};

pub(super) const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/shop/deployments";
pub(super) const SERVICES: &str = "/api/v1/namespaces/shop/services";
pub(super) const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes";
pub(super) const SECRETS: &str = "/api/v1/namespaces/shop/secrets";
pub(super) const CONFIG_MAPS: &str = "/api/v1/namespaces/shop/configmaps";
pub(super) const CLAIMS: &str = "/api/v1/namespaces/shop/persistentvolumeclaims";
pub(super) const QUOTAS: &str = "/api/v1/namespaces/shop/resourcequotas";
pub(super) const BUDGETS: &str = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets";
pub(super) const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies";
pub(super) const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers";
pub(super) const NAMESPACES: &str = "/api/v1/namespaces";

/// What nobody may ever see.
pub(super) const SECRET: &str = "c2VjcmV0LW9mLXRoZS1zaG9w";

/// The objects, before a server has them.
pub(super) struct Shop(Vec<(&'static str, Value)>);

impl Shop {
    pub(super) fn sound() -> Self {
        Self(vec![
            (NAMESPACES, json!({"metadata": {"name": "shop"}})),
            (DEPLOYMENTS, deployment("web")),
            (SERVICES, service("web", &json!({"app": "web"}))),
            (SERVICES, service("web-candidate", &json!({"app": "web-candidate"}))),
            (SECRETS, json!({"metadata": {"name": "keys"}, "data": {"key": SECRET}})),
            (CONFIG_MAPS, json!({"metadata": {"name": "settings"}})),
            (ROUTES, route()),
        ])
    }

    /// An object that is there, to be changed.
    pub(super) fn object(&mut self, collection: &str, name: &str) -> &mut Value {
        let found = self.0.iter_mut().find(|(of, one)| *of == collection && one["metadata"]["name"] == name);
        &mut found.unwrap().1
    }

    pub(super) fn add(&mut self, collection: &'static str, object: Value) {
        self.0.push((collection, object));
    }

    pub(super) fn remove(&mut self, collection: &str, name: &str) {
        self.0.retain(|(of, one)| *of != collection || one["metadata"]["name"] != name);
    }

    pub(super) fn open(self) -> Api {
        self.0.into_iter().fold(Api::default(), |api, (collection, object)| api.with(collection, object))
    }
}

pub(super) fn deployment(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name, "tier": "front"}},
                "spec": {"containers": [{
                    "name": "app", "image": "web:v1",
                    "envFrom": [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "settings"}}],
                    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                    "resources": {"requests": {"cpu": "500m"}},
                }]},
            },
        },
        "status": {
            "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2,
        },
    })
}

pub(super) fn service(name: &str, selector: &Value) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": {"selector": selector}})
}

fn route() -> Value {
    let condition = |kind| json!({"type": kind, "status": "True", "observedGeneration": 1});
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"name": "public"}],
            "rules": [{"backendRefs": [{"name": "web", "port": 80}]}],
        },
        "status": {"parents": [{"conditions": [condition("Accepted"), condition("ResolvedRefs")]}]},
    })
}

/// The pair, and the route in front of it.
pub(super) async fn checked(api: &Api) -> Report {
    checked_with(api, |pair| pair).await
}

pub(super) async fn checked_with(api: &Api, setting: impl Fn(DeploymentPair) -> DeploymentPair) -> Report {
    checked_as(api, setting, |preflight| preflight).await
}

pub(super) async fn checked_as(
    api: &Api,
    setting: impl Fn(DeploymentPair) -> DeploymentPair,
    asking: impl FnOnce(Preflight<'_>) -> Preflight<'_>,
) -> Report {
    let client = api.client();
    let pair = setting(DeploymentPair::new(client.clone(), "shop", "web"));
    let route = GatewayRoute::http(client.clone(), "shop", "web");
    api.seen();
    let preflight = Preflight::of(&client).workload(&pair).router(&route);
    let report = asking(preflight).check().await.unwrap();
    let seen = api.seen();
    assert!(!seen.iter().any(changes), "{seen:?}");
    let text = format!("{report} {report:?}");
    assert!(!text.contains(SECRET), "{text}");
    for read in seen.iter().filter(|seen| seen.path.contains("/secrets")) {
        assert!(read.metadata_only, "{read:?}");
    }
    report
}

/// Whether a request is one after which anything is different.
pub(super) fn changes(seen: &Seen) -> bool {
    seen.is_write() && !seen.dry && !seen.path.ends_with("/selfsubjectaccessreviews")
}

/// What a report must say of one thing, and nothing else.
pub(super) fn says(report: &Report, severity: Severity, object: &str, what: &str, remedy: &str) {
    let [found] = report.findings() else { panic!("one finding was expected:\n{report}") };
    assert_is(found, severity, object, what, remedy);
}

pub(super) fn assert_is(found: &Finding, severity: Severity, object: &str, what: &str, remedy: &str) {
    assert_eq!((found.severity, found.object.as_str()), (severity, object), "{found}");
    assert!(found.what.contains(what), "{found}");
    assert!(found.remedy.contains(remedy), "{found}");
}
