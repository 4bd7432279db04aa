use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use shepherd_testkit::cluster::Cluster;

#[tokio::test]
async fn a_user_may_do_what_its_role_says_and_nothing_else() {
    let shop = Cluster::shared().await.unwrap().namespace("shop").await.unwrap();
    let rules = vec![PolicyRule {
        api_groups: Some(vec!["apps".to_owned()]),
        resources: Some(vec!["deployments".to_owned()]),
        verbs: vec!["get".to_owned(), "list".to_owned()],
        ..PolicyRule::default()
    }];
    let user = shop.user("reader", rules).await.unwrap();
    shop.deployment("web", "shop:v1", 1).await.unwrap();

    let deployments = Api::<Deployment>::namespaced(user.clone(), shop.name());
    assert_eq!(deployments.list(&ListParams::default()).await.unwrap().items.len(), 1);
    let patch = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    let refused = [
        deployments.patch("web", &PatchParams::default(), &patch).await.unwrap_err(),
        Api::<ConfigMap>::namespaced(user.clone(), shop.name())
            .list(&ListParams::default())
            .await
            .unwrap_err(),
        Api::<Deployment>::namespaced(user, "default").list(&ListParams::default()).await.unwrap_err(),
    ];
    for error in refused {
        let kube::Error::Api(status) = &error else { panic!("{error}") };
        assert_eq!(status.code, 403, "{error}");
        assert!(status.message.contains(&format!("system:serviceaccount:{}:reader", shop.name())), "{error}");
    }
}

#[tokio::test]
async fn the_audit_log_counts_who_wrote_what() {
    let cluster = Cluster::shared().await.unwrap();
    let shop = cluster.namespace("shop").await.unwrap();
    let rules = vec![PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["configmaps".to_owned()]),
        verbs: vec!["create".to_owned(), "get".to_owned()],
        ..PolicyRule::default()
    }];
    let writer = shop.user("writer", rules).await.unwrap();
    let before = cluster.audit().mark().unwrap();

    let maps = Api::<ConfigMap>::namespaced(writer.clone(), shop.name());
    for name in ["one", "two"] {
        let map = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
        maps.create(&PostParams::default(), &map).await.unwrap();
        maps.get(name).await.unwrap();
    }
    let deployments = Api::<Deployment>::namespaced(writer, shop.name());
    let patch = Patch::Merge(json!({ "spec": { "replicas": 2 } }));
    deployments.patch("web", &PatchParams::default(), &patch).await.unwrap_err();

    let user = format!("system:serviceaccount:{}:writer", shop.name());
    let writes = shop
        .eventually("three writes in the audit log", async || {
            let writes = cluster.audit().since(before)?.by_user(&user);
            Ok(if writes.count() == 3 { Ok(writes) } else { Err(format!("{writes:?}")) })
        })
        .await
        .unwrap();
    assert_eq!(writes.per_resource(), [("configmaps", 2), ("deployments", 1)].into());
    assert_eq!(writes.by_agent("shepherd-testkit").count(), 3);
    assert_eq!((writes.refused().count(), writes.within(shop.name()).count()), (1, 3));
}
