use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use shepherd_testkit::cluster::{Cluster, ClusterError, Server};

#[tokio::test]
async fn is_ready_within_seconds_and_names_what_is_missing() {
    let cluster = Cluster::shared().await.unwrap();
    println!("the plane was ready after {:?}", cluster.ready_after());
    assert!(cluster.ready_after() < Duration::from_secs(30), "{:?}", cluster.ready_after());
    cluster.alive().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let error = Cluster::builder().programs(folder.path()).start().await.unwrap_err();
    let ClusterError::MissingProgram { missing, .. } = &error else { panic!("{error}") };
    assert!(missing.contains(&"etcd".to_owned()), "{error}");
    assert!(error.to_string().contains("just control-plane"), "{error}");
}

#[tokio::test]
async fn a_server_that_cannot_start_is_named_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"] {
        let file = folder.path().join(program);
        std::fs::write(&file, "#!/bin/sh\necho the disk is made of cheese >&2\nexit 7\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let error = Cluster::builder()
        .service_proxy(false)
        .programs(folder.path())
        .start()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("ended (exit status: 7)") && error.contains("made of cheese"), "{error}");
}

#[tokio::test]
async fn one_network_namespace_has_room_for_one_service_proxy() {
    let _shared = Cluster::shared().await.unwrap();
    let error = Cluster::builder().start().await.unwrap_err();
    assert!(matches!(error, ClusterError::ProxyTaken), "{error}");
}

#[tokio::test]
async fn an_api_server_goes_and_comes_again_with_all_that_it_knew() {
    let cluster = Cluster::builder().service_proxy(false).nodes(1).start().await.unwrap();
    let shop = cluster.namespace("shop").await.unwrap();
    shop.deployment("web", "shop:v1", 1).await.unwrap();
    shop.ready_pods("app=web", 1).await.unwrap();

    cluster.kill(Server::ApiServer).unwrap();
    shop.api::<Deployment>().get("web").await.unwrap_err();
    cluster.start_again(Server::ApiServer).await.unwrap();

    let scale = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    shop.api::<Deployment>().patch("web", &PatchParams::default(), &scale).await.unwrap();
    shop.ready_pods("app=web", 2).await.unwrap();
    let error = cluster.kill(Server::ServiceProxy).unwrap_err().to_string();
    assert!(error.contains("without kube-proxy"), "{error}");
}
