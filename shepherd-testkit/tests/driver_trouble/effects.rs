//! How effects are performed.

use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::{Fleet, Rollout};
use shepherd_core::machine::Ending;
use shepherd_core::model::{Replicas, RouterCapabilities, Traffic};
use shepherd_core::ports::Clock;
use shepherd_testkit::fakes::ScriptedRouter;
use shepherd_testkit::faults::{Call, Fault, FaultPlan, Faults, Faulty};

use crate::bench::{Bench, ada, busy, in_stage, revision};

#[tokio::test(start_paused = true)]
async fn a_withdrawn_raise_is_never_tried_again() {
    let bench = Bench::with(ScriptedRouter::that_can(RouterCapabilities::weighted().unfenced()));
    let handle = bench.running("bake-10%").await;
    bench.router.routes.then(Err(busy(Duration::from_secs(20))));
    in_stage(&handle, "expose-50%").await;
    bench.clock.sleep(Duration::from_secs(5)).await;
    handle.abort(ada(), "enough").await.unwrap();
    assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Aborted);
    bench.clock.sleep(Duration::from_mins(5)).await;
    let routes = bench.router.routes.asked();
    let off = routes.iter().position(|route| route.mark.traffic == Traffic::Off).unwrap();
    assert!(routes[off..].iter().all(|route| route.exposure.is_off()), "{routes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_asks_to_be_left_alone_does_not_hold_up_an_off() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.router.routes.then(Err(busy(Duration::from_hours(1))));
    let before = bench.now();
    handle.abort(ada(), "enough").await.unwrap();
    assert_eq!(handle.outcome().await.unwrap().ending(), Ending::Aborted);
    let took = bench.now() - before;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(bench.weight(), "0%");
}

#[tokio::test(start_paused = true)]
async fn a_raise_is_left_alone_for_a_minute_at_most() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.router.routes.then(Err(busy(Duration::from_hours(9))));
    in_stage(&handle, "expose-50%").await;
    let before = bench.now();
    in_stage(&handle, "bake-50%").await;
    let took = bench.now() - before;
    assert!(took < Duration::from_secs(70), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn where_no_router_takes_part_the_way_back_needs_no_permit() {
    let bench = Bench::new();
    let fleet = Fleet::new(1);
    let handle = fleet.start(&bench.unrouted().build().unwrap(), revision("v2")).await.unwrap();
    let mut watch = handle.watch();
    while handle.status().index < 2 {
        watch.next().await.unwrap();
    }
    // The only permit is taken again and again by one whose looks hang.
    let other = Bench { clock: bench.clock.clone(), ..Bench::new() };
    let hanging = Faults::from(FaultPlan::new().from(Call::ObserveWorkload, 3, Fault::Hang));
    let workload = Faulty::new(other.workload.clone(), hanging, Arc::new(bench.clock.clone()));
    let greedy = Rollout::of("shop/greedy".parse().unwrap())
        .on(workload)
        .through(other.router.clone())
        .timed_by(bench.clock.clone())
        .build()
        .unwrap();
    fleet.start(&greedy, revision("v2")).await.unwrap();
    bench.clock.sleep(Duration::from_secs(3)).await;
    let before = bench.now();
    handle.abort(ada(), "enough").await.unwrap();
    let back = || {
        let deploys = bench.workload.workload.deploys.asked();
        deploys
            .last()
            .is_some_and(|(spec, mark)| mark.traffic == Traffic::Off && spec.replicas == Replicas::ZERO)
    };
    while !back() {
        bench.clock.sleep(Duration::from_millis(100)).await;
        let took = bench.now() - before;
        assert!(took < Duration::from_secs(5), "after {took:?} it waits for {:?}", handle.status().waiting);
    }
}
