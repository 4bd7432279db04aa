//! Users who are with a candidate already, and whether the store knows the rollout that sent them there.

use serde_json::json;
use shepherd_core::machine::Machine;
use shepherd_core::model::{Epoch, Now, Replicas, Revision, RouterCapabilities, Target, Timestamp};
use shepherd_core::plan::Change;
use shepherd_core::ports::{Claim, Owner, Saved, Sequence, Store, TrafficRouter};
use shepherd_core::strategy::{Canary, Strategy};
use shepherd_kube::preflight::{Finding, Grounded, Preflight, Report};
use shepherd_kube::router::{GatewayRoute, IngressCanary, VirtualService};
use shepherd_kube::store::KubeStore;

use super::shop::Shop;
use super::{ingress, istio};
use crate::api::Api;
use crate::words::{fence, on};

const FORGOTTEN: &str = "it sends users to the candidate of the rollout shop/web#1, which the store does not know, or knows to have ended";

/// What is found when the first rollout has sent users to the candidate.
async fn checked(api: &Api, router: &(impl TrafficRouter + Grounded)) -> Report {
    router.claim(&fence(1, 1)).await.unwrap();
    router.apply(&on(1, 25)).await.unwrap();
    let store = KubeStore::new(api.client(), "shop", "bot");
    Preflight::of(&api.client()).router(router).also(&store).check().await.unwrap()
}

/// All but that no gateway has accepted the weights, as there is none.
fn errors(report: &Report) -> Vec<&Finding> {
    report.errors().filter(|one| !one.what.contains("not every gateway")).collect()
}

fn says(report: &Report, object: &str, by_hand: &str) {
    let [error] = errors(report)[..] else { panic!("{report}") };
    assert_eq!((error.object.as_str(), error.what.as_str()), (object, FORGOTTEN), "{report}");
    assert!(error.remedy.contains("the process that still drives it"), "{report}");
    assert!(error.remedy.contains(by_hand), "{report}");
}

#[tokio::test]
async fn where_nothing_is_kept_of_it_it_is_told_what_takes_them_off() {
    let api = Shop::sound().open();
    let route = GatewayRoute::http(api.client(), "shop", "web");
    let by_hand = "set the weight of its backend web-candidate to 0";
    says(&checked(&api, &route).await, "HTTPRoute shop/web", by_hand);

    let api = ingress::both();
    let canary = IngressCanary::new(api.client(), "shop", "web");
    let by_hand = "set its annotation nginx.ingress.kubernetes.io/canary-weight to 0";
    says(&checked(&api, &canary).await, "Ingress shop/web-candidate", by_hand);

    let api = istio::shop(&json!({"host": "web"})).open();
    let service = VirtualService::http(api.client(), "shop", "web");
    let by_hand = "set the weight of its destination web-candidate to 0";
    says(&checked(&api, &service).await, "VirtualService shop/web", by_hand);
}

#[tokio::test]
async fn where_it_is_kept_it_is_gone_on_with() {
    let api = Shop::sound().open();
    keep_the_first(&KubeStore::new(api.client(), "shop", "bot")).await;
    let report = checked(&api, &GatewayRoute::http(api.client(), "shop", "web")).await;
    assert!(errors(&report).is_empty(), "{report}");
}

async fn keep_the_first(store: &KubeStore) {
    let target: Target = "shop/web".parse().unwrap();
    let [stable, candidate] = ["web:v1", "web:v2"].map(|name| Revision::new(name).unwrap());
    let change = Change::new(target.clone(), stable, candidate).replicas(Replicas::new(2));
    let plan = Canary::default().plan(&change.router(RouterCapabilities::weighted())).unwrap();
    let machine = Machine::start(plan, fence(1, 1).rollout, Epoch::new(1), Now::default());
    let claim = Claim::new(Owner::new("bot"), Timestamp::default());
    let claimed = store.claim(&target, &claim).await.unwrap();
    let snapshot = machine.snapshot().encode().unwrap();
    store.save(&target, claimed.epoch, &Saved { sequence: Sequence::new(1), snapshot }).await.unwrap();
}
