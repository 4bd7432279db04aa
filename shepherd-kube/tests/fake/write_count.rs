//! How many writes a whole canary costs the API server.

use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::Rollout;
use shepherd_core::guard::Guard;
use shepherd_core::machine::Outcome;
use shepherd_core::model::{Replicas, Revision};
use shepherd_core::plan::Recovery;
use shepherd_core::strategy::Canary;
use shepherd_kube::store::KubeStore;
use shepherd_testkit::SimClock;
use shepherd_testkit::world::{Behaviour, SharedWorld, World};

use crate::api::{Api, Seen};

/// A whole rollout in simulated time, in a simulated world, kept in the cluster.
async fn canary(api: &Api, every: Duration, guard: Option<Guard>) -> Outcome {
    let clock = SimClock::paused();
    let slow = if guard.is_some() { Duration::from_secs(1) } else { Duration::ZERO };
    let ready = |version| (Revision::new(version).unwrap(), Behaviour::new().start_up(slow));
    let [(v1, like_v1), (v2, like_v2)] = ["v1", "v2"].map(ready);
    let serving = World::serving(v1.clone(), Replicas::new(5)).propagation(slow);
    let serving = serving.behaviour(v1, like_v1).behaviour(v2, like_v2);
    let world = SharedWorld::new(serving, Arc::new(clock.clone()));
    let strategy = Canary::weights([5, 10, 25, 50, 100]).unwrap().every(every);
    let mut rollout = Rollout::of("shop/web".parse().unwrap())
        .strategy(strategy.recovery(Recovery::default().drain(slow)))
        .on(world.workload())
        .through(world.router())
        .measured_by(world.metrics())
        .stored_in(KubeStore::new(api.client(), "shop", "bot").lease(Duration::from_mins(5)))
        .timed_by(clock);
    if let Some(guard) = guard {
        rollout = rollout.guard(guard);
    }
    let rollout = rollout.build().unwrap();
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
    let outcome = canary(&api, Duration::from_mins(1), "error_rate > 5% for 20s".parse().ok()).await;
    assert!(matches!(outcome, Outcome::Promoted(_)), "{outcome:?}");
    let seen = api.seen();
    // Claimed; saved when it was attached, once after each stage that began, before the promotion, and at the end.
    assert!(writes(&seen, "configmaps") <= 14, "{}", writes(&seen, "configmaps"));
    // Taken, released, and renewed once in 100 seconds of 346, for all rollouts of the process together.
    assert!(writes(&seen, "leases") <= 6, "{}", writes(&seen, "leases"));
    assert!(seen.iter().filter(|seen| !seen.is_write()).count() <= 6, "an owner knows its own record");
}

#[tokio::test(start_paused = true)]
async fn a_canary_without_pauses_is_saved_when_it_begins_when_it_promotes_and_when_it_ends() {
    let api = Api::default();
    let outcome = canary(&api, Duration::from_millis(1), None).await;
    assert!(matches!(outcome, Outcome::Promoted(_)), "{outcome:?}");
    let seen = api.seen();
    assert_eq!((writes(&seen, "configmaps"), writes(&seen, "leases")), (4, 0), "claimed, and three saves");
}
