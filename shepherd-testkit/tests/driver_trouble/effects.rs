//! How effects are performed.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::{Fleet, Rollout, StartError};
use shepherd_core::machine::Ending;
use shepherd_core::model::{
    Exposure, Failure, FailureKind, HookName, Replicas, RouterCapabilities, StageIndex, Track, Traffic,
    Weight,
};
use shepherd_core::plan::{Change, Plan, PlanError};
use shepherd_core::ports::{Clock, StoreError, TrafficRouter};
use shepherd_core::strategy::Strategy;
use shepherd_testkit::fakes::{ScriptedHook, ScriptedNotifier, ScriptedRouter};
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
    let fleet = Fleet::new(NonZeroUsize::MIN);
    let handle = fleet.start(&bench.unrouted().build().unwrap(), revision("v2")).await.unwrap();
    let mut watch = handle.watch();
    while handle.status().index < StageIndex::new(2) {
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
        let deploys = bench.workload.deploys.asked();
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

#[tokio::test(start_paused = true)]
async fn a_notifier_that_fails_or_panics_silences_no_other() {
    let bench = Bench::new();
    let (deaf, pager) = (ScriptedNotifier::default(), ScriptedNotifier::default());
    deaf.notices.always(Err(Failure::new(FailureKind::Denied, "chat", "revoked")));
    let hanging = Faults::from(FaultPlan::new().from(Call::Notify, 1, Fault::Hang));
    let clumsy = Faults::from(FaultPlan::new().from(Call::Notify, 1, Fault::Panic));
    let faulty = |faults| Faulty::new(ScriptedNotifier::default(), faults, Arc::new(bench.clock.clone()));
    let rollout = bench.builder().notify(deaf.clone()).notify(faulty(hanging)).notify(faulty(clumsy));
    let rollout = rollout.notify(pager.clone()).build().unwrap();
    let handle = rollout.start(revision("v2")).await.unwrap();
    in_stage(&handle, "bake-10%").await;
    handle.abort(ada(), "enough").await.unwrap();
    handle.outcome().await.unwrap();
    bench.clock.sleep(Duration::from_secs(1)).await;
    let told: Vec<String> =
        pager.notices.asked().iter().map(|notice| notice.event.what.to_string()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(deaf.notices.asked().len(), 2, "what is denied is not tried again");
}

/// The canary with a hook before everything else.
struct Hooked;

impl Strategy for Hooked {
    fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
        let hook = HookName::new("migrate").map_err(|error| {
            PlanError::from(shepherd_core::plan::Problem::new("hook", "migrate", error.to_string(), ""))
        })?;
        Plan::builder(change, "hooked")
            .hook(hook)
            .scale(Track::Candidate, change.replicas)
            .weight(Weight::FULL)
            .promote()
            .expose(Exposure::OFF)
            .retire(Track::Candidate, Duration::from_secs(1))
            .build()
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_has_as_long_as_its_stage_and_runs_once() {
    let bench = Bench::new();
    let hook = ScriptedHook::default();
    let clock: Arc<dyn Clock> = Arc::new(bench.clock.clone());
    let slow = FaultPlan::new().from(Call::RunHook, 1, Fault::Slow(Duration::from_mins(5)));
    let slow = Faulty::new(hook.clone(), Faults::from(slow), clock.clone());
    // Ports that are shared are bound like any other.
    let router: Arc<dyn TrafficRouter> = Arc::new(bench.router.clone());
    let rollout = bench.unrouted().strategy(Hooked).through(router).timed_by(clock);
    let rollout = rollout.hook(HookName::new("migrate").unwrap(), slow).build().unwrap();
    let outcome = rollout.start(revision("v2")).await.unwrap().outcome().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted, "{}", outcome.why());
    assert_eq!(hook.runs.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_that_were_not_named_are_two_owners() {
    let bench = Bench::new();
    let build = || {
        let rollout = Rollout::of("shop/web".parse().unwrap()).through(bench.router.clone());
        let rollout = rollout.on(bench.workload.clone()).stored_in(bench.store.clone());
        rollout.timed_by(bench.clock.clone()).build().unwrap()
    };
    let _first = build().start(revision("v2")).await.unwrap();
    let second = build().start(revision("v2")).await;
    assert!(matches!(second, Err(StartError::Store(StoreError::Held { .. }))), "{second:?}");
}
