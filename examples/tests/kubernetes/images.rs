//! Images whose registry has them, has them not, and does not say: `--check-images`.

use std::fmt::Display;
use std::path::PathBuf;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use serde_json::json;
use shepherd_testkit::cluster::{Registry, Write};
use tokio::net::TcpListener;

use crate::gateway;
use crate::shop::{DEPLOYER, Shop};
use crate::whole::only;

async fn registry(shop: &Shop) -> &Registry {
    shop.namespace.cluster().registry().await.unwrap()
}

/// Repositories of a test's own.
fn named(shop: &Shop, tag: impl Display) -> String {
    format!("{}/shop:{tag}", shop.namespace.name())
}

fn login_file(shop: &Shop) -> PathBuf {
    shop.kubeconfig().with_file_name("config.json")
}

/// As `docker login` writes it.
fn log_in(shop: &Shop, registry: &Registry) {
    let (user, password) = registry.login().unwrap();
    let login = json!({"username": user, "password": password});
    let config = json!({"auths": {(registry.address().to_string()): login}});
    std::fs::write(login_file(shop), config.to_string()).unwrap();
}

#[tokio::test]
async fn one_that_is_not_there_is_one_clear_error_before_anything_is_changed() {
    let shop = gateway::shop().await;
    let missing = registry(&shop).await.image(&named(&shop, "v2"));
    let audit = shop.namespace.cluster().audit();
    let before = audit.mark().unwrap();
    let address = registry(&shop).await.address();
    let why = format!(
        "the image {missing} of its container app cannot be pulled: {address} has none that everybody may see \
         (MANIFEST_UNKNOWN: manifest unknown) (push it, or correct its name)"
    );
    shop.roll_out(&missing, &["--check-images"]).end().await.assert_line(2, &why);
    shop.roll_out(&missing, &["--check-images", "--dry-run"]).end().await.assert_line(2, &why);
    let nonsense = "it is no name of an image: `library/Shop` is no repository";
    shop.roll_out("Shop:v2", &["--check-images"]).end().await.assert_line(2, nonsense);

    let user = format!("system:serviceaccount:{}:{DEPLOYER}", shop.namespace.name());
    let writes = audit.since(before).unwrap().by_user(&user);
    let asks = |write: &Write| write.dry_run || write.resource == "selfsubjectaccessreviews";
    let changed: Vec<_> = writes.iter().filter(|write| !asks(write)).collect();
    assert!(changed.is_empty(), "{changed:?}");
    let deployments = shop.namespace.api::<Deployment>().list(&ListParams::default()).await.unwrap();
    let of_stores = ListParams::default().labels("shepherd.rs/store");
    let states = shop.namespace.api::<ConfigMap>().list(&of_stores).await.unwrap();
    assert_eq!((deployments.items.len(), states.items.len()), (1, 0));
}

#[tokio::test]
async fn one_that_is_there_is_rolled_out() {
    let shop = gateway::shop().await;
    let there = registry(&shop).await.push(&named(&shop, "v2")).await.unwrap();
    let ended = shop.roll_out(&there, &["--check-images"]).end().await;
    ended.assert_code(0);
    assert!(!ended.told.contains("cannot be checked"), "{ended:#?}");
    only(&shop, &there).await;
}

#[tokio::test]
async fn a_private_one_is_asked_for_by_whoever_has_logged_in() {
    let shop = gateway::shop().await;
    let registry = shop.namespace.cluster().private_registry().await.unwrap();
    let there = registry.push(&named(&shop, "v2")).await.unwrap();
    let unsaid = format!(
        "whether the image {there} of its container app can be pulled cannot be checked: {} tells nobody without a login",
        registry.address()
    );
    let mut unsure = shop.run(&["web", &there, "--check-images", "--interval", "10m", "--drain", "1s"]);
    unsure.until(&unsaid).await;
    unsure.until("10% to the candidate").await;
    unsure.interrupt().await;
    unsure.end().await.assert_code(1);

    std::fs::write(login_file(&shop), "{").unwrap();
    let ended = shop.roll_out(&there, &["--check-images", "--dry-run"]).end().await;
    ended.assert_code(0);
    let why = format!("the login for {} cannot be used: docker's config.json is damaged", registry.address());
    assert!(ended.told.contains(&why), "{ended:#?}");

    log_in(&shop, registry);
    let missing = registry.image(&named(&shop, "v3"));
    shop.roll_out(&missing, &["--check-images"])
        .end()
        .await
        .assert_line(2, "has none that this login may see");
    let ended = shop.roll_out(&there, &["--check-images"]).end().await;
    ended.assert_code(0);
    let (_, password) = registry.login().unwrap();
    assert!(!ended.told.contains("cannot be checked") && !ended.told.contains(password), "{ended:#?}");
}

#[tokio::test]
async fn one_that_is_not_there_ends_nobody_elses_rollout() {
    let shop = gateway::left_in_the_middle("1s").await;
    let missing = registry(&shop).await.image(&named(&shop, "v3"));
    let why = format!("the image {missing} of its container app cannot be pulled");
    shop.roll_out(&missing, &["--check-images"]).end().await.assert_line(2, &why);
    shop.roll_out(&missing, &["--check-images", "--dry-run"]).end().await.assert_line(2, &why);
    gateway::is_still_in_the_middle(&shop).await;
}

#[tokio::test]
async fn whoever_ends_while_a_registry_is_asked_ends_nothing_else() {
    let shop = gateway::left_in_the_middle("1s").await;
    // It listens, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let image = format!("{}/shop:v3", silent.local_addr().unwrap());
    for more in [&["--check-images"][..], &["--check-images", "--dry-run"]] {
        let asking = shop.roll_out(&image, more);
        let _asked = silent.accept().await.unwrap();
        asking.interrupt().await;
        let ended = asking.end().await;
        ended.assert_code(1);
        assert!(ended.told.ends_with(&format!("asked to end: {image} was not begun")), "{ended:#?}");
        assert!(!ended.told.contains("gives way"), "{ended:#?}");
    }
    gateway::is_still_in_the_middle(&shop).await;
}
