use shepherd_kube::Watches;
use shepherd_kube::preflight::{Preflight, Severity};
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::store::KubeStore;
use shepherd_kube::workload::{DeploymentPair, PromoteBy};

use super::shop::{NAMESPACES, Shop, checked, checked_with, says};

#[tokio::test]
async fn without_a_server_there_is_one_clear_error() {
    for (code, said) in
        [(500, "answers errors only"), (401, "does not know this client"), (404, "no API server")]
    {
        let api = Shop::sound().open();
        api.is_down(Some(code));
        let pair = DeploymentPair::new(api.client(), "shop", "web");
        let error = Preflight::of(&api.client()).workload(&pair).check().await.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert_eq!(api.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_server_that_nobody_listens_at_says_which_context_to_look_at() {
    let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let error = Preflight::of(&client).check().await.unwrap_err().to_string();
    assert!(
        error.contains("no API server answers") && error.contains("kubectl config current-context"),
        "{error}"
    );
}

#[tokio::test]
async fn of_a_namespace_that_is_not_there_nothing_else_is_said() {
    let mut shop = Shop::sound();
    shop.remove(NAMESPACES, "shop");
    let report = checked(&shop.open()).await;
    says(&report, Severity::Error, "Namespace shop", "does not exist", "current-context");
}

#[tokio::test]
async fn a_missing_definition_is_named_once() {
    let api = Shop::sound().open();
    api.lacks("gateway.networking.k8s.io/v1");
    let report = checked(&api).await;
    let object = "HTTPRoute of gateway.networking.k8s.io/v1";
    says(
        &report,
        Severity::Error,
        object,
        "does not know this kind",
        "install the definitions of the Gateway API",
    );
}

#[tokio::test]
async fn each_forbidden_verb_is_named_with_its_rule() {
    let rules = [
        (
            "get",
            "httproutes",
            r#"{"apiGroups":["gateway.networking.k8s.io"],"resources":["httproutes"],"verbs":["get"]}"#,
        ),
        ("patch", "httproutes", r#""verbs":["patch"]}"#),
        ("create", "deployments", r#"{"apiGroups":["apps"],"resources":["deployments"],"verbs":["create"]}"#),
        ("list", "replicasets", r#""resources":["replicasets"],"verbs":["list"]}"#),
        ("list", "pods", r#"{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}"#),
        ("list", "endpointslices", r#"{"apiGroups":["discovery.k8s.io"],"#),
    ];
    for (verb, resource, rule) in rules {
        let api = Shop::sound().open();
        api.denies(verb, resource);
        let report = checked_with(&api, |pair| pair.services("web", "web-candidate")).await;
        says(&report, Severity::Error, "Role in shop", &format!("may not {verb} {resource}"), rule);
    }
}

#[tokio::test]
async fn a_switching_pair_watches_its_services() {
    let api = Shop::sound().open();
    api.denies("watch", "services");
    let watches = Watches::new(api.client());
    let by = async |way| {
        let told = |pair: DeploymentPair| pair.services("web", "web-candidate").promote_by(way);
        checked_with(&api, |pair| told(pair).watching(&watches)).await
    };
    assert!(by(PromoteBy::Copy).await.findings().is_empty());
    let rule = r#"{"apiGroups":[""],"resources":["services"],"verbs":["watch"]}"#;
    says(&by(PromoteBy::Switch).await, Severity::Warning, "Role in shop", "may not watch services", rule);
}

#[tokio::test]
async fn what_may_not_be_watched_costs_requests_and_no_rollout() {
    for (resource, group) in [("deployments", "apps"), ("pods", ""), ("endpointslices", "discovery.k8s.io")] {
        let api = Shop::sound().open();
        api.denies("watch", resource);
        assert!(checked(&api).await.findings().is_empty(), "who looks by requests needs none");
        let watches = Watches::new(api.client());
        let report =
            checked_with(&api, |pair| pair.services("web", "web-candidate").watching(&watches)).await;
        let rule = format!(r#"{{"apiGroups":["{group}"],"resources":["{resource}"],"verbs":["watch"]}}"#);
        says(&report, Severity::Warning, "Role in shop", &format!("may not watch {resource}"), &rule);
    }
}

#[tokio::test]
async fn a_store_says_what_it_needs() {
    let api = Shop::sound().open();
    api.denies("update", "leases");
    let client = api.client();
    let (store, route) =
        (KubeStore::new(client.clone(), "shop", "bot"), GatewayRoute::http(client.clone(), "shop", "web"));
    let report = Preflight::of(&client).also(&store).router(&route).check().await.unwrap();
    says(&report, Severity::Error, "Role in shop", "may not update leases", "coordination.k8s.io");
}

#[tokio::test]
async fn what_the_server_does_not_answer_is_a_warning_that_says_so() {
    let paths = [
        ("/services", "Service in shop"),
        ("/services/web", "Service shop/web"),
        ("/poddisruptionbudgets", "PodDisruptionBudget in shop"),
        ("/networkpolicies", "NetworkPolicy in shop"),
        ("/horizontalpodautoscalers", "HorizontalPodAutoscaler in shop"),
        ("/resourcequotas", "ResourceQuota in shop"),
        ("/configmaps/settings", "Deployment shop/web"),
        ("/deployments/web-candidate", "Deployment shop/web-candidate"),
    ];
    for (path, object) in paths {
        let api = Shop::sound().open();
        api.objects_to(path, 500, "InternalError");
        says(&checked(&api).await, Severity::Warning, object, "cannot be checked", "check again");
    }
}

#[tokio::test]
async fn a_client_that_may_not_read_secrets_is_told_to_stay_so() {
    let api = Shop::sound().open();
    api.objects_to("/secrets/keys", 403, "Forbidden");
    let report = checked(&api).await;
    says(
        &report,
        Severity::Warning,
        "Deployment shop/web",
        "which is well",
        "kubectl get secret -n shop keys",
    );
}

#[tokio::test]
async fn what_admission_refuses_is_told() {
    let cases = [
        ("/httproutes/web", "HTTPRoute shop/web", "the server refuses the claim"),
        ("/deployments", "Deployment shop/web-candidate", "the server refuses making it"),
    ];
    for (path, object, what) in cases {
        let api = Shop::sound().open();
        api.objects_to_writes(path, 400, "the webhook says no");
        let report = checked(&api).await;
        says(&report, Severity::Error, object, what, "admission policy");
        assert!(report.to_string().contains("the webhook says no"));
    }
    let api = Shop::sound().open();
    api.objects_to_writes("/httproutes/web", 400, "admission webhook x does not support dry run");
    says(
        &checked(&api).await,
        Severity::Warning,
        "HTTPRoute shop/web",
        "cannot be checked",
        "look at it yourself",
    );
}
