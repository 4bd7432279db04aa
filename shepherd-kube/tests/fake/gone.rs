//! What a rollout changes is deleted in the midst of it: whole rollouts in simulated time.

use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::Rollout;
use shepherd_core::machine::{Ending, Outcome};
use shepherd_core::model::{Replicas, Revision};
use shepherd_core::ports::Clock;
use shepherd_core::strategy::Canary;
use shepherd_kube::router::GatewayRoute;
use shepherd_testkit::SimClock;
use shepherd_testkit::world::{SharedWorld, World};

use crate::api::Api;
use crate::gateway::{ROUTES, accepts, route};

/// By a route that is deleted after two minutes, and has half of the users then. What the pods are the world knows.
async fn without_its_route(aborts: bool) -> Outcome {
    let api = Api::default().controlled(accepts).with(ROUTES, route());
    let clock = SimClock::paused();
    let world = World::serving(Revision::new("v1").unwrap(), Replicas::new(4));
    let world = SharedWorld::new(world, Arc::new(clock.clone()));
    let rollout = Rollout::of("shop/web".parse().unwrap())
        .strategy(Canary::weights([50, 100]).unwrap().every(Duration::from_mins(10)))
        .on(world.workload())
        .through(GatewayRoute::http(api.client(), "shop", "web"))
        .timed_by(clock.clone())
        .build()
        .unwrap();
    let handle = rollout.start(Revision::new("v2").unwrap()).await.unwrap();
    clock.sleep(Duration::from_mins(2)).await;
    assert!(!handle.status().exposure.is_off());
    api.delete(ROUTES, "web");
    if aborts {
        handle.abort("ada".parse().unwrap(), "not today").await.unwrap();
    }
    handle.done().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rollout_whose_route_is_deleted_is_taken_back_for_that() {
    let outcome = without_its_route(false).await;
    assert_eq!(outcome.ending(), Ending::RolledBack);
    assert!(
        outcome.why().contains("HTTPRoute shop/web") && outcome.why().contains("create it"),
        "{}",
        outcome.why()
    );
}

#[tokio::test(start_paused = true)]
async fn an_abort_ends_without_a_route_too() {
    assert_eq!(without_its_route(true).await.ending(), Ending::Aborted);
}
