//! Looks by watches: what they must tell, and what must never come from one.

mod cost;
mod faults;
mod freshness;
mod warnings;

use std::time::Duration;

use serde_json::json;
use shepherd_core::ports::{Clock, SystemClock};
use shepherd_kube::blue_green::BlueGreenService;
use shepherd_kube::router::{GatewayRoute, IngressCanary, VirtualService};
use shepherd_kube::workload::{DeploymentPair, InPlaceDaemonSet, InPlaceDeployment, InPlaceStatefulSet};

use crate::api::{Api, Seen};
use crate::controllers;
use crate::deployment_pair::{DEPLOYMENTS, stable};

/// Looks by the watches of an API, when it has some.
pub(crate) trait Looking: Sized {
    fn looking(self, api: &Api) -> Self;
}

macro_rules! looking {
    ($($adapter:ty),*) => {$(
        impl Looking for $adapter {
            fn looking(self, api: &Api) -> Self {
                match api.watches() {
                    Some(watches) => self.watching(watches),
                    None => self,
                }
            }
        }
    )*};
}

looking!(GatewayRoute, IngressCanary, VirtualService, BlueGreenService, DeploymentPair);
looking!(InPlaceDeployment, InPlaceStatefulSet, InPlaceDaemonSet);

/// Stable with four replicas, and watches.
fn api() -> Api {
    let mut running = stable();
    running["spec"]["replicas"] = 4.into();
    controllers::deployments(Api::default()).with(DEPLOYMENTS, running).watched()
}

fn pair(api: &Api) -> DeploymentPair {
    DeploymentPair::new(api.client(), "shop", "web").container("app").looking(api)
}

/// What a look asks the server for.
pub(crate) async fn asked<T>(api: &Api, look: impl Future<Output = T>) -> (T, Vec<Seen>) {
    api.seen();
    let told = look.await;
    let mut seen = api.seen();
    seen.retain(|seen| !seen.watches);
    (told, seen)
}

/// Comes to be, in simulated time.
pub(crate) async fn eventually(mut is: impl AsyncFnMut() -> bool) {
    let clock = SystemClock::new();
    for _ in 0..6_000 {
        if is().await {
            return;
        }
        clock.sleep(Duration::from_millis(10)).await;
    }
    panic!("it has not come to be in a minute");
}

async fn passes(seconds: u64) {
    SystemClock::new().sleep(Duration::from_secs(seconds)).await;
}

/// Somebody else writes to stable.
fn scaled(api: &Api, replicas: u32) {
    api.merge(DEPLOYMENTS, "web", &json!({"spec": {"replicas": replicas}}));
}
