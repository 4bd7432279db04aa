//! One thing is broken, and exactly that is said.

use serde_json::{Value, json};
use shepherd_kube::preflight::Severity::{Error, Warning};

use super::shop::{
    AUTOSCALERS, BUDGETS, CLAIMS, CONFIG_MAPS, DEPLOYMENTS, POLICIES, QUOTAS, ROUTES, SECRETS, SERVICES,
    Shop, assert_is, checked, checked_with, deployment, says, service,
};

const WEB: &str = "Deployment shop/web";

fn web(shop: &mut Shop) -> &mut Value {
    shop.object(DEPLOYMENTS, "web")
}

fn pods(shop: &mut Shop) -> &mut Value {
    &mut web(shop)["spec"]["template"]["spec"]
}

/// Stable with a volume of a claim with this mode.
fn volume(shop: &mut Shop, mode: &str) {
    pods(shop)["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    shop.add(CLAIMS, json!({"metadata": {"name": "data"}, "spec": {"accessModes": [mode]}}));
}

macro_rules! broken {
    ($($name:ident: $change:expr => $severity:ident, $object:expr, $what:expr, $remedy:expr;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let mut shop = Shop::sound();
                let change: fn(&mut Shop) = $change;
                change(&mut shop);
                says(&checked(&shop.open()).await, $severity, $object, $what, $remedy);
            }
        )*
    };
}

broken! {
    no_deployment: |shop| shop.remove(DEPLOYMENTS, "web")
        => Error, WEB, "does not exist", "correct its name";
    no_route: |shop| shop.remove(ROUTES, "web")
        => Error, "HTTPRoute shop/web", "does not exist", "correct its name";
    no_service_of_stable: |shop| shop.remove(SERVICES, "web")
        => Error, "Service shop/web", "does not exist", "app=web";
    no_service_of_the_candidate: |shop| shop.remove(SERVICES, "web-candidate")
        => Error, "Service shop/web-candidate", "does not exist", "app=web-candidate";
    shares_beside_which_no_weight_fits: |shop| {
        let others = json!([{"name": "web", "weight": 999_983}, {"name": "old", "weight": 7}]);
        shop.object(ROUTES, "web")["spec"]["rules"][0]["backendRefs"] = others;
    } => Warning, "HTTPRoute shop/web", "1% cannot be written as whole numbers beside the other backends", "rounder shares";
    a_route_with_no_such_backend: |shop| shop.object(ROUTES, "web")["spec"]["rules"][0]["backendRefs"][0]["name"] = "shop".into()
        => Error, "HTTPRoute shop/web", "none of its rules has a backend web", "correct the object";
    no_secret: |shop| shop.remove(SECRETS, "keys")
        => Error, WEB, "need Secret keys", "create Secret keys";
    no_config_map: |shop| shop.remove(CONFIG_MAPS, "settings")
        => Error, WEB, "need ConfigMap settings", "make it optional";
    no_secret_to_pull_with: |shop| pods(shop)["imagePullSecrets"] = json!([{"name": "registry"}])
        => Warning, WEB, "need Secret registry", "may not be pulled";
    no_claim: |shop| pods(shop)["volumes"] = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
        => Error, WEB, "need PersistentVolumeClaim data", "create";
    a_volume_of_one_node: |shop| volume(shop, "ReadWriteOnce")
        => Warning, WEB, "data is for one node", "ReadWriteMany";
    a_volume_of_one_pod: |shop| volume(shop, "ReadWriteOncePod")
        => Error, WEB, "data is for one pod", "ReadWriteMany";
    a_port_of_the_node: |shop| pods(shop)["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8080}])
        => Warning, WEB, "[8080]", "hostPort";
    the_network_of_the_node: |shop| pods(shop)["hostNetwork"] = true.into()
        => Warning, WEB, "network of their nodes", "hostNetwork";
    no_pre_stop_hook: |shop| drop(pods(shop)["containers"][0]["lifecycle"].take())
        => Warning, WEB, "container app has no preStop hook", "preStop";
    two_containers: |shop| {
        let containers = pods(shop)["containers"].as_array_mut().unwrap();
        containers.push(json!({"name": "proxy", "image": "proxy:v1"}));
    } => Error, WEB, "say which of its containers is rolled out: app, proxy", ".container(";
    a_rollout_under_way: |shop| web(shop)["status"]["updatedReplicas"] = 1.into()
        => Error, WEB, "of 2 replicas 1 are updated", "kubectl rollout status";
    a_rollout_that_no_controller_has_seen: |shop| web(shop)["status"]["observedGeneration"] = 0.into()
        => Error, WEB, "has not finished", "kubectl rollout status";
    no_replicas: |shop| web(shop)["spec"]["replicas"] = 0.into()
        => Error, WEB, "0 replicas", "scale it up first";
    a_paused_deployment: |shop| web(shop)["spec"]["paused"] = true.into()
        => Error, WEB, "is paused", "kubectl rollout resume";
    a_damaged_mark: |shop| web(shop)["metadata"]["annotations"] = json!({"shepherd.rs/mark": "?"})
        => Error, WEB, "shepherd.rs/mark is damaged", "remove the annotation";
    a_service_that_catches_both: |shop| shop.object(SERVICES, "web")["spec"]["selector"] = json!({"tier": "front"})
        => Error, "Service shop/web", "its selector tier=front catches both tracks", "make its selector app=web";
    a_service_that_catches_nobody: |shop| shop.object(SERVICES, "web-candidate")["spec"]["selector"] = json!({"app": "next"})
        => Error, "Service shop/web-candidate", "catches no pod of candidate's", "make its selector app=web-candidate";
    another_service_that_catches_both: |shop| shop.add(SERVICES, service("front", &json!({"tier": "front"})))
        => Warning, "Service shop/front", "catches both tracks", "narrow its selector";
    another_service_of_stable: |shop| shop.add(SERVICES, service("metrics", &json!({"app": "web"})))
        => Warning, "Service shop/metrics", "none of the candidate's", "make another one";
    a_budget_of_stable: |shop| shop.add(BUDGETS, json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}}))
        => Warning, "PodDisruptionBudget shop/web", "none of the candidate's", "app=web-candidate";
    a_budget_of_both: |shop| shop.add(BUDGETS, json!({"metadata": {"name": "all"}, "spec": {"selector": {}}}))
        => Warning, "PodDisruptionBudget shop/all", "counts the candidate's pods with stable's", "stable's pods only";
    a_policy_of_stable: |shop| shop.add(POLICIES, json!({"metadata": {"name": "web"}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}))
        => Warning, "NetworkPolicy shop/web", "none of the candidate's", "app=web-candidate";
    an_autoscaler_that_nobody_named: |shop| shop.add(AUTOSCALERS, autoscaler("web"))
        => Error, "HorizontalPodAutoscaler shop/web", "scales Deployment web", ".autoscaled_by(\"web\")";
    a_quota_without_room: |shop| shop.add(QUOTAS, quota(&json!({"hard": {"requests.cpu": "1500m"}, "used": {"requests.cpu": "1"}})))
        => Error, "ResourceQuota shop/all", "requests.cpu 1 of 1500m is in use", "raise it";
    a_quota_of_pods: |shop| shop.add(QUOTAS, quota(&json!({"hard": {"pods": "3"}, "used": {"pods": "2"}})))
        => Error, "ResourceQuota shop/all", "pods 2 of 3 is in use", "fewer replicas";
    argo: |shop| web(shop)["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:web"})
        => Warning, WEB, "Argo CD applies it", "jsonPointers: [/spec/template/spec/containers/0/image, /spec/replicas]";
    argo_by_its_writes: |shop| web(shop)["metadata"]["managedFields"] = json!([{"manager": "argocd-controller"}])
        => Warning, WEB, "Argo CD applies it", "RespectIgnoreDifferences=true";
    flux: |shop| shop.object(ROUTES, "web")["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "shop"})
        => Warning, "HTTPRoute shop/web", "a Kustomization of Flux applies it", "ssa: IfNotPresent";
    helm: |shop| web(shop)["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "shop"})
        => Warning, WEB, "Helm applies it", "helm upgrade";
    a_route_without_stable: |shop| shop.object(ROUTES, "web")["spec"]["rules"][0]["backendRefs"][0]["name"] = "api".into()
        => Error, "HTTPRoute shop/web", "none of its rules has a backend web", "what the router was told";
    a_candidate_that_users_meet_already: |shop| {
        let backends = json!([{"name": "web", "weight": 3}, {"name": "web-candidate", "weight": 1}]);
        shop.object(ROUTES, "web")["spec"]["rules"][0]["backendRefs"] = backends;
    } => Error, "HTTPRoute shop/web", "users meet the candidate already: 25%", "take the traffic back by hand";
    a_route_that_no_gateway_accepted: |shop| shop.object(ROUTES, "web")["status"] = json!({})
        => Error, "HTTPRoute shop/web", "not every gateway", "conditions in its status";
    a_route_whose_backends_are_not_found: |shop| {
        let condition = |kind, status| json!({"type": kind, "status": status, "observedGeneration": 9});
        let conditions = [condition("Accepted", "True"), condition("ResolvedRefs", "False")];
        shop.object(ROUTES, "web")["status"] = json!({"parents": [{"conditions": conditions}]});
    } => Error, "HTTPRoute shop/web", "found its backends: a parent: ResolvedRefs is False", "conditions in its status";
    a_candidate_of_other_labels: |shop| {
        let mut other = deployment("web-candidate");
        other["spec"]["selector"]["matchLabels"] = json!({"app": "next"});
        shop.add(DEPLOYMENTS, other);
    } => Error, "Service shop/web-candidate", "catches no pod of candidate's", "make its selector app=next";
}

fn autoscaler(deployment: &str) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": deployment}}})
}

fn quota(status: &Value) -> Value {
    json!({"metadata": {"name": "all"}, "spec": {}, "status": status})
}

#[tokio::test]
async fn a_container_that_is_not_there_is_named_with_those_that_are() {
    let report = checked_with(&Shop::sound().open(), |pair| pair.container("main")).await;
    says(&report, Error, WEB, "it has no container main; it has app", ".container(");
}

#[tokio::test]
async fn a_selector_that_the_candidate_cannot_leave_is_found() {
    let mut shop = Shop::sound();
    let selector = json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]});
    web(&mut shop)["spec"]["selector"] = selector;
    let report = checked(&shop.open()).await;
    let found = report.errors().find(|one| one.object == WEB).unwrap();
    assert_is(found, Error, WEB, "its selector catches both tracks", "under `matchLabels`");
}

#[tokio::test]
async fn an_autoscaler_that_was_named_is_as_it_should_be() {
    let mut shop = Shop::sound();
    shop.add(AUTOSCALERS, autoscaler("web"));
    let report = checked_with(&shop.open(), |pair| pair.autoscaled_by("web")).await;
    assert!(report.findings().is_empty(), "{report}");

    let mut shop = Shop::sound();
    shop.add(AUTOSCALERS, autoscaler("api"));
    let report = checked_with(&shop.open(), |pair| pair.autoscaled_by("web")).await;
    says(
        &report,
        Error,
        "HorizontalPodAutoscaler shop/web",
        "does not scale Deployment web",
        "scaleTargetRef",
    );

    let report = checked_with(&Shop::sound().open(), |pair| pair.autoscaled_by("web")).await;
    says(&report, Error, "HorizontalPodAutoscaler shop/web", "does not exist", "create it");
}

#[tokio::test]
async fn a_tool_that_was_told_to_leave_it_alone_is_no_trouble() {
    let mut shop = Shop::sound();
    web(&mut shop)["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "shop"});
    web(&mut shop)["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent"});
    let report = checked(&shop.open()).await;
    assert!(report.findings().is_empty(), "{report}");
}

#[tokio::test]
async fn a_service_that_is_named_is_looked_at_by_who_may_not_list_services() {
    let cases = [
        ("web-candidate", None, "it does not exist"),
        ("web", Some(json!({"tier": "front"})), "catches both tracks"),
        ("web-candidate", Some(json!({"app": "next"})), "catches no pod of candidate's"),
    ];
    for (name, selector, what) in cases {
        let mut shop = Shop::sound();
        match selector {
            Some(selector) => shop.object(SERVICES, name)["spec"]["selector"] = selector,
            None => shop.remove(SERVICES, name),
        }
        let api = shop.open();
        api.objects_to("/services", 403, "Forbidden");
        let report = checked(&api).await;
        let [error, warning] = report.findings() else { panic!("{report}") };
        assert_is(error, Error, &format!("Service shop/{name}"), what, &format!("selector app={name}"));
        assert_is(warning, Warning, "Service in shop", "that nobody named", "let this client's role read it");
    }
}
