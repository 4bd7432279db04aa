use serde_json::json;
use shepherd_kube::preflight::{Preflight, PreflightError, Severity};
use shepherd_kube::workload::{DeploymentPair, Labels};

use super::shop::{DEPLOYMENTS, ROUTES, SECRETS, SERVICES, Shop, changes, checked, says};
use crate::words::on;

#[tokio::test]
async fn nothing_is_found_and_nothing_is_written() {
    let report = checked(&Shop::sound().open()).await;
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(report.ready(), Ok(()));
    assert_eq!(report.server(), Some("v1.36.0"));
}

#[tokio::test]
async fn the_first_writes_are_rehearsed() {
    let api = Shop::sound().open();
    let pair = DeploymentPair::new(api.client(), "shop", "web");
    Preflight::of(&api.client()).workload(&pair).check().await.unwrap();
    let seen = api.seen();
    let dry: Vec<_> =
        seen.iter().filter(|one| one.dry).map(|one| format!("{} {}", one.method, one.path)).collect();
    assert_eq!(dry, [format!("PATCH {DEPLOYMENTS}/web"), format!("POST {DEPLOYMENTS}")]);
    assert!(!seen.iter().any(changes));
    assert_eq!(api.list(DEPLOYMENTS).len(), 1);
}

#[tokio::test]
async fn what_will_be_written_is_told() {
    let report = checked(&Shop::sound().open()).await;
    let text = report.to_string();
    assert!(text.contains("API server v1.36.0\nall is as a rollout needs it\nShepherd will write"), "{text}");
    assert!(text.contains("HTTPRoute shop/web: /spec/rules, annotation shepherd.rs/mark"), "{text}");
    assert!(
        text.contains("Deployment shop/web: annotation shepherd.rs/mark, spec.replicas, the image of"),
        "{text}"
    );
}

#[tokio::test]
async fn a_shared_service_may_catch_both_tracks() {
    let mut shop = Shop::sound();
    shop.remove(SERVICES, "web-candidate");
    let api = shop.open();
    let pair = DeploymentPair::new(api.client(), "shop", "web").labels(Labels::Shared).services("web", "web");
    let report = Preflight::of(&api.client()).workload(&pair).check().await.unwrap();
    assert!(report.findings().is_empty(), "{report}");
}

#[tokio::test]
async fn a_rollout_that_is_under_way_may_be_gone_on_with() {
    let mut shop = Shop::sound();
    let backends = json!([{"name": "web", "weight": 3}, {"name": "web-candidate", "weight": 1}]);
    let route = shop.object(ROUTES, "web");
    route["spec"]["rules"][0]["backendRefs"] = backends;
    let mark = serde_json::to_string(&on(1, 25).mark).unwrap();
    route["metadata"]["annotations"] = json!({"shepherd.rs/mark": mark});
    let report = checked(&shop.open()).await;
    let (object, remedy) = ("HTTPRoute shop/web", "let that rollout end");
    says(&report, Severity::Warning, object, "users meet the candidate already: 25%, by the rollout", remedy);
    assert_eq!(report.ready(), Ok(()));
}

#[tokio::test]
async fn all_is_told_at_once_errors_first() {
    let mut shop = Shop::sound();
    shop.remove(SECRETS, "keys");
    shop.remove(SERVICES, "web-candidate");
    let deployment = shop.object(DEPLOYMENTS, "web");
    deployment["status"]["updatedReplicas"] = 1.into();
    deployment["spec"]["template"]["spec"]["containers"][0]["lifecycle"].take();
    let api = shop.open();
    api.denies("patch", "httproutes");
    let report = checked(&api).await;
    assert_eq!((report.errors().count(), report.warnings().count()), (4, 1), "{report}");
    assert_eq!(report.findings().last().unwrap().severity.to_string(), "warning");
    let refused = report.ready().unwrap_err();
    let PreflightError::NotReady(errors) = &refused else { panic!("{refused}") };
    assert_eq!(errors.len(), 4);
    for part in ["Secret keys", "Service shop/web-candidate", "has not finished", "may not patch httproutes"]
    {
        assert!(refused.to_string().contains(part), "{refused}");
    }
}
