use futures_util::future::join_all;
use serde_json::json;
use shepherd_core::model::Replicas;
use shepherd_core::ports::{TrafficRouter, Workload};
use shepherd_kube::router::GatewayRoute;
use shepherd_kube::workload::DeploymentPair;

use super::{Looking, eventually};
use crate::api::Api;
use crate::controllers;
use crate::deployment_pair::{DEPLOYMENTS, stable};
use crate::gateway::{ROUTES, route};

/// What a rollout looks at.
struct Rollout {
    router: GatewayRoute,
    workload: DeploymentPair,
}

impl Rollout {
    async fn looks(&self) {
        self.router.observe().await.unwrap();
        let state = self.workload.observe().await.unwrap();
        assert_eq!(state.stable.ready, Replicas::new(4));
    }
}

/// So many of them, of Deployments of their own.
fn fleet(mut api: Api, count: u32) -> (Api, Vec<Rollout>) {
    let names: Vec<_> = (0..count).map(|nth| format!("web-{nth}")).collect();
    for name in &names {
        let (mut deployment, mut route) = (stable(), route());
        let labels = json!({"app": name});
        deployment["metadata"]["name"] = name.as_str().into();
        deployment["spec"]["replicas"] = 4.into();
        deployment["spec"]["selector"]["matchLabels"] = labels.clone();
        deployment["spec"]["template"]["metadata"]["labels"] = labels;
        route["metadata"]["name"] = name.as_str().into();
        api = api.with(DEPLOYMENTS, deployment).with(ROUTES, route);
    }
    let rollout = |name: &String| Rollout {
        router: GatewayRoute::http(api.client(), "shop", name).backends("web", "web-candidate").looking(&api),
        workload: DeploymentPair::new(api.client(), "shop", name).container("app").looking(&api),
    };
    let all = names.iter().map(rollout).collect();
    (api, all)
}

/// How many requests so many rollouts cost that look so often, once all watches are open.
async fn requests(api: Api, rollouts: u32, looks: u32) -> usize {
    let (api, fleet) = fleet(controllers::deployments(api), rollouts);
    let all = async || drop(join_all(fleet.iter().map(Rollout::looks)).await);
    all().await;
    if api.watches().is_some() {
        eventually(async || {
            api.seen();
            all().await;
            api.seen().is_empty()
        })
        .await;
    }
    api.seen();
    for _ in 0..looks {
        all().await;
    }
    api.seen().len()
}

#[tokio::test(start_paused = true)]
async fn looks_cost_the_same_however_many_there_are() {
    assert_eq!(
        requests(Api::default(), 20, 10).await,
        20 * 10 * 4,
        "a route, two Deployments, the sets of one"
    );
    assert_eq!(requests(Api::default().watched(), 1, 10).await, 0);
    assert_eq!(requests(Api::default().watched(), 20, 10).await, 0);
}

#[tokio::test(start_paused = true)]
async fn each_kind_is_listed_and_watched_once() {
    let (api, fleet) = fleet(controllers::deployments(Api::default().watched()), 20);
    api.seen();
    join_all(fleet.iter().map(Rollout::looks)).await;
    eventually(async || api.open_watches() == 3).await;
    let seen = api.seen();
    assert_eq!(seen.iter().filter(|seen| seen.watches).count(), 3, "{seen:?}");
    assert_eq!(seen.len(), 6, "three lists, three watches, and nothing else: {seen:?}");
}
