//! Images that are there, that are not, and of which nobody knows.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use shepherd_core::model::Verdict;
use shepherd_kube::preflight::Severity::{Error, Warning};
use shepherd_kube::preflight::{Images, Preflight, Report};
use shepherd_kube::workload::DeploymentPair;

use super::shop::{DEPLOYMENTS, Shop, checked_as, says};

const WEB: &str = "Deployment shop/web";

/// Knows of everything but what it was told.
#[derive(Clone, Default)]
pub(super) struct Catalogue {
    missing: Vec<&'static str>,
    hidden: Vec<&'static str>,
    asked: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl Images for Catalogue {
    async fn look(&self, image: &str) -> Verdict {
        self.asked.lock().unwrap().push(image.to_owned());
        if self.missing.contains(&image) {
            Verdict::Fail("the catalogue has none".into())
        } else if self.hidden.contains(&image) {
            Verdict::Inconclusive("the catalogue does not say".into())
        } else {
            Verdict::Pass("the catalogue has it".into())
        }
    }
}

impl Catalogue {
    pub(super) fn without(image: &'static str) -> Self {
        Self { missing: vec![image], ..Self::default() }
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.sort();
        asked
    }

    async fn checked(&self, shop: Shop) -> Report {
        checked_as(
            &shop.open(),
            |pair| pair,
            |preflight| preflight.candidate("web:v2".parse().unwrap()).images(self.clone()),
        )
        .await
    }
}

/// With a sidecar beside the container that is rolled out.
fn with_proxy(policy: &str) -> Shop {
    let mut shop = Shop::sound();
    let pods: &mut Value = &mut shop.object(DEPLOYMENTS, "web")["spec"]["template"]["spec"];
    pods["initContainers"] = json!([{"name": "proxy", "image": "proxy:v1", "imagePullPolicy": policy}]);
    shop
}

#[tokio::test]
async fn the_candidates_are_asked_for_and_found() {
    let catalogue = Catalogue::default();
    let report = catalogue.checked(Shop::sound()).await;
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(catalogue.asked(), ["web:v2"]);
}

#[tokio::test]
async fn one_that_is_not_there_is_an_error_and_no_rollout_can_be() {
    let catalogue = Catalogue::without("web:v2");
    let report = catalogue.checked(Shop::sound()).await;
    let what = "the image web:v2 of its container app cannot be pulled: the catalogue has none";
    says(&report, Error, WEB, what, "push it, or correct its name");
    assert!(report.findings()[0].of_candidate && report.possible().is_err() && report.ready().is_err());
    assert!(!report.is_passing());
}

#[tokio::test]
async fn one_of_which_nobody_knows_is_a_warning() {
    let catalogue = Catalogue { hidden: vec!["web:v2"], ..Catalogue::default() };
    let report = catalogue.checked(Shop::sound()).await;
    let what = "whether the image web:v2 of its container app can be pulled cannot be checked: the catalogue does not say";
    says(&report, Warning, WEB, what, "or look yourself");
    assert!(report.possible().is_ok() && report.ready().is_ok());
}

#[tokio::test]
async fn one_that_stable_runs_is_on_some_nodes() {
    let catalogue = Catalogue::without("proxy:v1");
    let report = catalogue.checked(with_proxy("IfNotPresent")).await;
    let what = "the image proxy:v1 of its init container proxy, which it runs, cannot be pulled any more";
    says(&report, Warning, WEB, what, "push it again");
    let report = catalogue.checked(with_proxy("Always")).await;
    says(&report, Error, WEB, "the image proxy:v1 of its init container proxy cannot be pulled", "push it");
    let report = catalogue.checked(with_proxy("Never")).await;
    assert!(report.findings().is_empty(), "{report}");
}

#[tokio::test]
async fn each_is_asked_for_once_however_often_is_looked() {
    let (api, catalogue) = (Shop::sound().open(), Catalogue::default());
    let client = api.client();
    let pair = DeploymentPair::new(client.clone(), "shop", "web");
    let preflight = Preflight::of(&client).workload(&pair).candidate("web:v2".parse().unwrap());
    let preflight = preflight.images(catalogue.clone());
    for _ in 0..3 {
        preflight.clone().check().await.unwrap();
    }
    assert_eq!(catalogue.asked(), ["web:v2"]);
}

#[tokio::test]
async fn without_a_candidate_what_stable_runs_is_asked_for() {
    let catalogue = Catalogue::default();
    checked_as(&Shop::sound().open(), |pair| pair, |preflight| preflight.images(catalogue.clone())).await;
    assert_eq!(catalogue.asked(), ["web:v1"]);
}
