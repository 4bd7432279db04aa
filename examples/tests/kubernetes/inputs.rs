use std::path::Path;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use crate::gateway;
use crate::program::Program;
use crate::shop::Shop;

const PROGRAM: &str = env!("CARGO_BIN_EXE_gateway-canary");

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let cases: [(&[&str], &str); 14] = [
        (&["web"], "<IMAGE>"),
        (&["web", ""], "for '<IMAGE>'"),
        (&["", "shop:v2"], "for '<NAME>': it is empty; write a name"),
        (&["web", "shop:v2", "--interval", "soon"], "for '--interval <TIME>'"),
        (&["web", "shop:v2", "--weights", "200"], "for '--weights <PERCENT,...>'"),
        (&["web", "shop:v2", "--metrics-port", "0"], "for '--metrics-port <PORT>': 0 is not in 1..=65535"),
        (&["web", "shop:v2", "--promote-by", "hand"], "for '--promote-by <WAY>'"),
        (&["web", "shop:v2", "-n", ""], "for '--namespace <NAMESPACE>': it is empty"),
        (&["web", "shop:v2", "--process", ""], "for '--process <NAME>': it is empty"),
        (&["web", "shop:v2", "--process", " "], "for '--process <NAME>': it is empty"),
        (&["web", "shop:v2", "--context", ""], "for '--context <CONTEXT>': it is empty"),
        (&["web", "shop:v2", "--route", ""], "for '--route <ROUTE>': it is empty"),
        (&["web", "shop:v2", "--stable", ""], "for '--stable <SERVICE>': it is empty"),
        (&["web", "shop:v2", "--candidate", ""], "for '--candidate <SERVICE>': it is empty"),
    ];
    for (arguments, why) in cases {
        Program::start(PROGRAM, Path::new("/none"), arguments).end().await.assert_error(2, why);
    }
    let operator = env!("CARGO_BIN_EXE_fleet-operator");
    let cases = [
        ("--process", "", "it is empty"),
        ("--namespace", "", "it is empty"),
        ("--drain", "", "write a time"),
        ("--calls", "0", "write a whole number of at least 1"),
    ];
    for (option, value, why) in cases {
        let ended = Program::start(operator, Path::new("/none"), &[option, value]).end().await;
        ended.assert_error(2, why);
        assert!(ended.errors.contains(option), "{ended:#?}");
    }
    let blue_green = env!("CARGO_BIN_EXE_blue-green");
    for (sides, why) in [("b", "write two names"), ("b,g,r", "write two names"), ("b,", "it is empty")] {
        let arguments = ["web", "shop:v2", "--deployments", sides];
        let ended = Program::start(blue_green, Path::new("/none"), &arguments).end().await;
        ended.assert_error(2, why);
        assert!(ended.errors.contains("--deployments <BLUE,GREEN>"), "{ended:#?}");
    }
}

#[tokio::test]
async fn a_patch_that_is_none_of_the_template_is_refused_before_anything_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("patch.yaml");
    let run = || {
        let arguments = ["web", "v2", "--patch", file.to_str().unwrap()];
        Program::start(PROGRAM, Path::new("/none"), &arguments).end()
    };
    run().await.assert_error(2, "No such file");
    let cases = [
        ("", "it must be a mapping (a JSON merge patch) or a list (a JSON Patch)"),
        ("shop:v2", "it must be a mapping"),
        ("spec: {containers: [\n", "it is neither YAML nor JSON at line"),
        ("{kind: Deployment, spec: {}}", "has no field \"kind\"; write `metadata`, `spec` or both"),
        ("spec: {template: {spec: {}}}", "write only what stands below its `spec.template`"),
        ("[{op: remove, path: /metadata}, {op: put, path: /spec}]", "item 2 is no operation of a JSON Patch"),
    ];
    for (text, why) in cases {
        std::fs::write(&file, text).unwrap();
        let ended = run().await;
        ended.assert_error(2, why);
        assert!(ended.errors.contains("--patch <FILE>") && ended.errors.contains("patch.yaml"), "{ended:#?}");
    }
    std::fs::write(&file, "spec: {tokens: [s3cret, }").unwrap();
    let ended = run().await;
    assert!(ended.code == Some(2) && !ended.errors.contains("s3cret"), "{ended:#?}");
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = |config: &str, more: &[&str]| {
        let file = folder.path().join("kubeconfig");
        std::fs::write(&file, config).unwrap();
        Program::start(PROGRAM, &file, &[&["web", "shop:v2"], more].concat()).end()
    };
    let config = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "me", "user": {"token": "none"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}]}"#;
    run(config, &[]).await.assert_error(3, "no answer from the cluster at https://127.0.0.1:1");
    let unknown = "kubeconfig has no such context; `kubectl config get-contexts` lists them";
    run(config, &["--context", "there"]).await.assert_line(2, unknown);
    run("{}", &[])
        .await
        .assert_line(2, "(kubeconfig: it has no current context; pod: KUBERNETES_SERVICE_HOST is not set)");
    let damaged = run("users: [{token: s3cret, }", &[]).await;
    damaged
        .assert_line(2, "(kubeconfig: it is no kubeconfig in YAML; pod: KUBERNETES_SERVICE_HOST is not set)");
    assert!(!damaged.errors.contains("s3cret"), "{damaged:#?}");
    let nowhere = Program::start(PROGRAM, Path::new("/none"), &["web", "shop:v2"]).end().await;
    nowhere.assert_line(
        2,
        "neither the kubeconfig /none nor the service account of a pod can be used; set KUBECONFIG",
    );
    let nowhere =
        Program::start(PROGRAM, Path::new("/none"), &["web", "shop:v2", "--context", "there"]).end().await;
    nowhere.assert_line(
        2,
        "--context there: the kubeconfig /none cannot be used (No such file or directory (os error 2))",
    );
}

/// Who may do nothing there cannot be told whether there is such a namespace.
#[tokio::test]
async fn a_namespace_that_is_not_there_is_told_as_such() {
    let shop = gateway::shop().await;
    let asked = ["web", "shop:v2", "--namespace", "nosuch"];
    let administrator = shop.namespace.cluster().kubeconfig();
    for more in [&[][..], &["--dry-run"]] {
        let asked = [&asked, more].concat();
        let ended = Program::start(PROGRAM, &administrator, &asked).end().await;
        ended.assert_line(2, "has no namespace nosuch: create it, correct --namespace");
        let ended = Program::start(PROGRAM, &shop.kubeconfig(), &asked).end().await;
        ended.assert_line(2, "error: nosuch/web was not found: this account may not look into its namespace");
    }
}

#[tokio::test]
async fn what_is_missing_or_forbidden_is_told_by_name() {
    let shop = gateway::shop().await;
    let run = async |arguments: &[&str]| shop.run(arguments).end().await;
    run(&["wbe", "shop:v2"]).await.assert_error(2, "wbe");
    run(&["web", "shop:v2", "--route", "wbe"]).await.assert_error(2, "HTTPRoute");
    run(&["web", "shop:v2", "--weights", "50,10"]).await.assert_error(2, "10%");
    run(&["web", "shop:v2", "--stable", "wbe"]).await.assert_error(2, "none of its rules has a backend wbe");
    run(&["web", "shop:v2", "--promote-by", "switch"])
        .await
        .assert_error(2, "this client may not patch services (add the rule");
    let twice = ["web", "shop:v2", "--promote-by", "switch", "--candidate", "web"];
    run(&twice).await.assert_error(2, "one was named twice; promote by copy");
    let stranger = Program::start(PROGRAM, &shop.kubeconfig(), &["web", "shop:v2", "--namespace", "default"]);
    stranger.end().await.assert_error(2, "forbidden");
    let plan = run(&["web", "shop:v2", "--dry-run"]).await;
    plan.assert_code(0);
    assert!(plan.told.contains("25%"), "{plan:#?}");
}

/// What a rollout needs besides is looked at by who may look around, and said before anything is changed.
#[tokio::test]
async fn what_the_cluster_is_not_prepared_for_is_told_with_its_remedy() {
    let shop = gateway::shop().await;
    let namespace = &shop.namespace;
    let administrator = namespace.cluster().kubeconfig();
    let run = async |more: &[&str]| {
        let asked = [&["web", "shop:v2", "-n", namespace.name()], more].concat();
        Program::start(PROGRAM, &administrator, &asked).end().await
    };
    let paused = Patch::Merge(json!({"spec": {"paused": true}}));
    namespace.api::<Deployment>().patch("web", &PatchParams::default(), &paused).await.unwrap();
    run(&[]).await.assert_error(2, "it is paused (`kubectl rollout resume` it");
    let dry = run(&["--dry-run"]).await;
    dry.assert_error(2, "it is paused");
    assert!(dry.told.contains("25%") && dry.told.contains("warning: "), "{dry:#?}");
    namespace.ready_pods("app=web-candidate", 0).await.unwrap();
}

#[tokio::test]
async fn what_has_no_replicas_is_to_be_scaled_first() {
    let shop = gateway::shop().await;
    let none = Patch::Merge(json!({"spec": {"replicas": 0}}));
    shop.namespace.api::<Deployment>().patch("web", &PatchParams::default(), &none).await.unwrap();
    let started = shop.run(&["web", "shop:v2"]).end().await;
    started
        .assert_line(2, "/web: it shall have 0 replicas, of which none can be rolled out (scale it up first");
    let dry = shop.run(&["web", "shop:v2", "--dry-run"]).end().await;
    dry.assert_error(
        2,
        "the plan has 1 problem\n  replicas: 0 is not allowed: at least 1; scale the target up",
    );
    assert_untouched(&shop).await;
}

/// Also by the program's own account, which may not list Services.
#[tokio::test]
async fn a_service_that_sends_to_the_wrong_pods_is_refused_before_anything_is_changed() {
    let shop = gateway::shop().await;
    let labels = json!({"spec": {"template": {"metadata": {"labels": {"tier": "front"}}}}});
    let deployments = shop.namespace.api::<Deployment>();
    deployments.patch("web", &PatchParams::default(), &Patch::Merge(labels)).await.unwrap();
    shop.namespace.ready_pods("tier=front", 4).await.unwrap();
    let select = async |name: &str, selector: Value| {
        let patch = Patch::Merge(json!({"spec": {"selector": selector}}));
        shop.namespace.api::<Service>().patch(name, &PatchParams::default(), &patch).await.unwrap();
    };
    let run = async |more: &[&str]| shop.run(&[&["web", "shop:v2"], more].concat()).end().await;

    let missing = "/nosuch: it does not exist (create it with the selector app=web-candidate";
    run(&["--candidate", "nosuch"]).await.assert_error(2, missing);
    select("web-candidate", json!({"app": "next"})).await;
    let astray = "/web-candidate: its selector app=next catches no pod of candidate's";
    run(&[]).await.assert_error(2, &format!("{astray} (make its selector app=web-candidate)"));
    select("web-candidate", json!({"app": "web-candidate"})).await;
    select("web", json!({"app": null, "tier": "front"})).await;
    let both = "/web: its selector tier=front catches both tracks (make its selector app=web)";
    run(&[]).await.assert_error(2, both);
    assert_untouched(&shop).await;
}

/// Nothing was claimed, made or written.
async fn assert_untouched(shop: &Shop) {
    let deployments = shop.namespace.api::<Deployment>().list(&ListParams::default()).await.unwrap().items;
    let [web] = &deployments[..] else { panic!("{deployments:#?}") };
    let annotations = web.metadata.annotations.clone().unwrap_or_default();
    assert!(annotations.keys().all(|key| !key.starts_with("shepherd.rs/")), "{annotations:?}");
    let kept = ListParams::default().labels("shepherd.rs/store");
    let kept = shop.namespace.api::<ConfigMap>().list(&kept).await.unwrap().items;
    assert!(kept.is_empty(), "{kept:#?}");
}
