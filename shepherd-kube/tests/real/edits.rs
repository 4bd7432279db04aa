//! A person who edits something in the middle of a rollout: it goes on, pauses and says why, or takes the candidate back.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use shepherd_core::driver::Handle;
use shepherd_core::machine::{Ending, Happening, Outcome};
use shepherd_core::model::Actor;

use crate::shop::{REPLICAS, Shop, Users, Way};

/// A rollout that has a quarter of the users, or all of them where it switches, and is looked at for a while.
struct Edited {
    shop: Shop,
    handle: Handle,
    users: Users,
    /// What happened, in the words that people read.
    told: Vec<String>,
}

impl Edited {
    async fn begin(way: Way) -> Self {
        let shop = Shop::open(way).await;
        if way != Way::Selector {
            shop.patch("web", json!({"spec": {"template": {"spec": beside("log:v1")}}})).await;
            shop.namespace.ready_pods("app=web", REPLICAS).await.unwrap();
        }
        let users = shop.users();
        let rollout = shop.by_weights([25, 100], Duration::from_millis(1500)).build().unwrap();
        let handle = rollout.start("shop:v2".parse().unwrap()).await.unwrap();
        shop.reached(if way == Way::Selector { 100 } else { 25 }).await;
        shop.eventually("users of shop:v2", async || match users.by("shop:v2") {
            0 => Err("none".to_owned()),
            _ => Ok(()),
        })
        .await;
        Self { shop, handle, users, told: Vec::new() }
    }

    /// To the end, and how it was. What holds still for a person is told, and goes on as that person says.
    async fn end(&mut self) -> Outcome {
        let mut events = self.handle.events();
        while let Some(event) = events.next().await {
            self.told.push(event.what.to_string());
            if matches!(event.what, Happening::Paused(_)) {
                self.handle.resume(ada()).await.unwrap();
            }
        }
        self.handle.done().await.unwrap()
    }

    async fn is_promoted(&mut self) {
        let outcome = self.end().await;
        assert_eq!(outcome.ending(), Ending::Promoted, "{}: {:#?}", outcome.why(), self.told);
        self.shop.only("shop:v2").await;
    }

    async fn is_taken_back(&mut self, why: &str) {
        let outcome = self.end().await;
        assert_eq!(outcome.ending(), Ending::RolledBack, "{:#?}", self.told);
        assert!(outcome.why().contains(why), "{}", outcome.why());
        self.shop.only("shop:v1").await;
    }

    fn was_told(&self, words: &str) {
        assert!(self.told.iter().any(|line| line.contains(words)), "{words}: {:#?}", self.told);
    }

    async fn stable(&self) -> Value {
        let stable = self.shop.namespace.api::<Deployment>().get("web").await.unwrap();
        serde_json::to_value(stable.spec.unwrap()).unwrap()
    }

    /// The weights of stable's and of the candidate's backend.
    async fn weigh(&self, stable: u32, candidate: u32) {
        let weight = |place: u32, weight: u32| json!({"op": "replace", "path": format!("/spec/rules/0/backendRefs/{place}/weight"), "value": weight});
        let patch = serde_json::from_value(json!([weight(0, stable), weight(1, candidate)])).unwrap();
        let routes = self.shop.namespace.http_routes();
        routes.patch("web", &PatchParams::default(), &Patch::Json::<()>(patch)).await.unwrap();
    }

    async fn scale(&self, deployment: &str, replicas: usize) {
        self.shop.patch(deployment, json!({"spec": {"replicas": replicas}})).await;
    }
}

/// One container more, which is none of the rollout's business, behind the one that is.
fn beside(image: &str) -> Value {
    json!({
        "$setElementOrder/containers": [{"name": "app"}, {"name": "beside"}],
        "containers": [{"name": "beside", "image": image}],
    })
}

fn ada() -> Actor {
    Actor::new("ada").unwrap()
}

#[tokio::test]
async fn more_traffic_than_was_decided_is_put_right() {
    let mut edited = Edited::begin(Way::Envoy).await;
    edited.weigh(40, 60).await;
    edited.is_promoted().await;
    edited.was_told("somebody changed the routing to 60%");
    edited.users.none_failed().await;
}

#[tokio::test]
async fn less_traffic_than_was_decided_holds_it_until_somebody_resumes_it() {
    let mut edited = Edited::begin(Way::Envoy).await;
    edited.weigh(95, 5).await;
    edited.is_promoted().await;
    edited.was_told("paused: somebody set the candidate's traffic to 5%; resume to put it back");
    edited.users.none_failed().await;
}

#[tokio::test]
async fn a_selector_that_is_switched_back_holds_it_until_somebody_resumes_it() {
    let mut edited = Edited::begin(Way::Selector).await;
    let services = edited.shop.namespace.api::<Service>();
    let back = Patch::Merge(json!({"spec": {"selector": {"color": "blue"}}}));
    services.patch("web", &PatchParams::default(), &back).await.unwrap();
    edited.is_promoted().await;
    edited.was_told("resume to put it back");
    edited.users.none_failed().await;
}

#[tokio::test]
async fn a_candidate_that_is_scaled_away_is_taken_back() {
    let mut edited = Edited::begin(Way::Envoy).await;
    edited.scale("web-candidate", 0).await;
    edited.is_taken_back("only 0 candidate replicas are ready").await;
}

#[tokio::test]
async fn more_of_the_candidate_is_no_harm() {
    let mut edited = Edited::begin(Way::Envoy).await;
    edited.scale("web-candidate", 3).await;
    edited.is_promoted().await;
    edited.users.none_failed().await;
}

#[tokio::test]
async fn more_of_stable_stays() {
    let mut edited = Edited::begin(Way::Envoy).await;
    edited.scale("web", REPLICAS + 2).await;
    edited.is_promoted().await;
    assert_eq!(edited.stable().await["replicas"], REPLICAS + 2);
    edited.users.none_failed().await;
}

#[tokio::test]
async fn less_of_stable_is_no_harm() {
    let mut edited = Edited::begin(Way::Envoy).await;
    edited.scale("web", 2).await;
    edited.is_promoted().await;
    assert_eq!(edited.stable().await["replicas"], REPLICAS);
    edited.users.none_failed().await;
}

/// Another image of stable is a hotfix: it stays, and users go back to it.
#[tokio::test]
async fn a_hotfix_of_stable_stays_and_takes_the_candidate_back() {
    for aborts in [false, true] {
        let mut edited = Edited::begin(Way::Envoy).await;
        let app = json!({"name": "app", "image": "shop:v3"});
        edited.shop.patch("web", json!({"spec": {"template": {"spec": {"containers": [app]}}}})).await;
        let wanted = if aborts {
            edited.handle.abort(ada(), "no reason").await.unwrap();
            Ending::Aborted
        } else {
            Ending::RolledBack
        };
        let outcome = edited.end().await;
        assert_eq!(outcome.ending(), wanted, "{}: {:#?}", outcome.why(), edited.told);
        assert!(aborts || outcome.why().contains("somebody made stable shop:v3"), "{}", outcome.why());
        edited.shop.only("shop:v3").await;
        edited.users.none_failed().await;
    }
}

#[tokio::test]
async fn what_else_stands_in_the_template_of_stable_stays_as_somebody_edits_it() {
    let mut edited = Edited::begin(Way::Envoy).await;
    let template = json!({"metadata": {"labels": {"team": "blue"}}, "spec": beside("log:v2")});
    edited.shop.patch("web", json!({"spec": {"template": template}})).await;
    edited.is_promoted().await;
    let template = &edited.stable().await["template"];
    assert_eq!(template["metadata"]["labels"]["team"], "blue");
    let containers = template["spec"]["containers"].as_array().unwrap();
    let image =
        |name: &str| containers.iter().find(|one| one["name"] == name).map(|one| one["image"].clone());
    assert_eq!((image("beside"), image("app")), (Some("log:v2".into()), Some("shop:v2".into())));
    edited.users.none_failed().await;
}

#[tokio::test]
async fn a_candidate_that_is_deleted_is_taken_back() {
    let mut edited = Edited::begin(Way::Envoy).await;
    let deployments = edited.shop.namespace.api::<Deployment>();
    deployments.delete("web-candidate", &DeleteParams::default()).await.unwrap();
    edited.is_taken_back("somebody has taken away what they ran in").await;
}

/// Contour never finds its backend again, which must not keep the way back from its end.
#[tokio::test]
async fn a_candidate_whose_service_is_deleted_is_taken_back() {
    let mut edited = Edited::begin(Way::Envoy).await;
    let services = edited.shop.namespace.api::<Service>();
    services.delete("web-candidate", &DeleteParams::default()).await.unwrap();
    edited.is_taken_back("only 0 candidate replicas are ready").await;
}

#[tokio::test]
async fn a_route_that_is_deleted_does_not_hold_up_an_abort() {
    let mut edited = Edited::begin(Way::Envoy).await;
    edited.shop.namespace.http_routes().delete("web", &DeleteParams::default()).await.unwrap();
    edited.handle.abort(ada(), "its route is gone").await.unwrap();
    let outcome = edited.end().await;
    assert_eq!(outcome.ending(), Ending::Aborted, "{}: {:#?}", outcome.why(), edited.told);
}

#[tokio::test]
async fn a_canary_ingress_that_is_deleted_holds_it_and_then_it_cannot_go_on() {
    let mut edited = Edited::begin(Way::Nginx).await;
    let ingresses = edited.shop.namespace.api::<Ingress>();
    ingresses.delete("web-candidate", &DeleteParams::default()).await.unwrap();
    edited.is_taken_back("web-candidate").await;
    edited.was_told("paused: somebody set the candidate's traffic to 0%");
    edited.users.none_failed().await;
}

#[tokio::test]
async fn a_record_that_is_deleted_is_written_again() {
    let mut edited = Edited::begin(Way::Envoy).await;
    let maps = edited.shop.namespace.api::<ConfigMap>();
    let name = format!("shepherd-{}.web", edited.shop.namespace.name());
    maps.delete(&name, &DeleteParams::default()).await.unwrap();
    edited.is_promoted().await;
    assert!(maps.get_opt(&name).await.unwrap().is_some(), "{name}");
    edited.users.none_failed().await;
}
