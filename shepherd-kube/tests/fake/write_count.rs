//! How many writes a whole canary costs the API server.

use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::Rollout;
use shepherd_core::machine::Outcome;
use shepherd_core::model::{Replicas, Revision};
use shepherd_core::strategy::Canary;
use shepherd_kube::store::KubeStore;
use shepherd_testkit::SimClock;
use shepherd_testkit::world::{SharedWorld, World};

use crate::api::{Api, Seen};

/// A whole rollout in simulated time, in a simulated world, kept in the cluster.
async fn canary(api: &Api, every: Duration) -> Outcome {
    let clock = SimClock::paused();
    let serving =
        World::serving(Revision::new("v1").unwrap(), Replicas::new(5)).propagation(Duration::from_secs(1));
    let world = SharedWorld::new(serving, Arc::new(clock.clone()));
    let rollout = Rollout::of("shop/web".parse().unwrap())
        .strategy(Canary::weights([5, 10, 25, 50, 100]).unwrap().every(every))
        .guard("error_rate > 5% for 20s".parse().unwrap())
        .on(world.workload())
        .through(world.router())
        .measured_by(world.metrics())
        .stored_in(KubeStore::new(api.client(), "shop", "bot").lease(Duration::from_mins(5)))
        .timed_by(clock)
        .build()
        .unwrap();
    let handle = rollout.start(Revision::new("v2").unwrap()).await.unwrap();
    handle.done().await.unwrap()
}

/// The writes to objects of this kind.
fn writes(seen: &[Seen], kind: &str) -> usize {
    seen.iter().filter(|seen| seen.is_write() && seen.path.contains(kind)).count()
}

#[tokio::test(start_paused = true)]
async fn a_canary_of_five_stages_costs_few_writes() {
    let api = Api::default();
    let outcome = canary(&api, Duration::from_mins(1)).await;
    assert!(matches!(outcome, Outcome::Promoted(_)), "{outcome:?}");
    let seen = api.seen();
    // Claimed and released; saved once for each change of replicas or weights, once after each stage that began, and
    // at the end.
    assert!(writes(&seen, "configmaps") <= 23, "{}", writes(&seen, "configmaps"));
    // Taken, released, and renewed once in 100 seconds of 346, for all rollouts of the process together.
    assert!(writes(&seen, "leases") <= 6, "{}", writes(&seen, "leases"));
    assert!(seen.iter().filter(|seen| !seen.is_write()).count() <= 6, "an owner knows its own record");
}
