//! A store that hangs, fails and panics, and what people are told of it.

use std::time::Duration;

use shepherd_core::driver::{StartError, Stopped};
use shepherd_core::machine::Ending;
use shepherd_core::model::{Failure, FailureKind, Reason};
use shepherd_core::ports::{Clock, Owner, Store, StoreError};
use shepherd_testkit::faults::{Call, Fault};

use crate::bench::{Bench, ada, busy, revision, target};

/// Whatever the store keeps itself in is away for a moment.
const AWAY: Fault = Fault::Fail(FailureKind::Transient);

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_or_panics_holds_up_nothing() {
    for fault in [Fault::Hang, AWAY, Fault::Panic] {
        let bench = Bench::new();
        let handle = bench.running("bake-10%").await;
        bench.faults.from_now_on(Call::Renew, fault);
        bench.clock.sleep(Duration::from_secs(15)).await;
        let aborted = bench.within(Duration::from_secs(1), handle.abort(ada(), "enough")).await;
        aborted.expect("it answers at once").unwrap();
        assert_eq!(bench.weight(), "0%");
        handle.outcome().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_fence_holds_up_no_lever_while_the_store_is_asked_about_it() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.faults.from_now_on(Call::Load, Fault::Hang);
    bench.router.routes.then(Err(Failure::new(FailureKind::Fenced, "router", "a late write")));
    crate::bench::in_stage(&handle, "expose-50%").await;
    bench.clock.sleep(Duration::from_secs(1)).await;
    let aborted = bench.within(Duration::from_secs(1), handle.abort(ada(), "enough")).await;
    aborted.expect("it answers at once").unwrap();
    assert_eq!(bench.weight(), "0%");
}

#[tokio::test(start_paused = true)]
async fn a_save_that_panics_is_an_error_of_the_store() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.faults.from_now_on(Call::Save, Fault::Panic);
    bench.clock.sleep(Duration::from_mins(1)).await;
    bench.faults.mend(Call::Save);
    handle.pause(ada(), "lunch").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_no_adapter_for_ever() {
    let bench = Bench::new();
    bench.faults.from_now_on(Call::ObserveWorkload, Fault::Slow(Duration::from_hours(24)));
    let started = bench.within(Duration::from_mins(2), bench.rollout().start(revision("v2"))).await;
    let refused = started.expect("it gives up").err().unwrap();
    assert!(matches!(refused, StartError::Unobservable { .. }), "{refused}");
    bench.faults.mend(Call::ObserveWorkload);
    bench.faults.from_now_on(Call::ClaimTarget, Fault::Hang);
    let started = bench.within(Duration::from_mins(2), bench.rollout().start(revision("v2"))).await;
    let refused = started.expect("it gives up").err().unwrap();
    assert!(matches!(refused, StartError::Store(StoreError::Port(_))), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_start_outlasts_a_store_that_is_away_for_a_moment() {
    let bench = Bench::new();
    bench.faults.once(Call::ClaimTarget, AWAY);
    let started = bench.within(Duration::from_secs(1), bench.rollout().start(revision("v2"))).await;
    let handle = started.expect("it is tried again soon").unwrap();
    handle.abort(ada(), "enough").await.unwrap();
    handle.done().await.unwrap();

    bench.faults.from_now_on(Call::ClaimTarget, AWAY);
    let started = bench.within(Duration::from_secs(20), bench.rollout().start(revision("v2"))).await;
    let refused = started.expect("it gives up").err().unwrap();
    assert!(refused.to_string().contains("failed on purpose"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn detaching_survives_a_save_that_fails() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.clock.sleep(Duration::from_secs(5)).await;
    bench.faults.once(Call::Close, AWAY);
    handle.detach().await;
    let end = bench.within(Duration::from_secs(10), handle.outcome()).await;
    assert!(matches!(end, Some(Err(Stopped::Detached))), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn detaching_does_not_wait_for_ever_for_a_store_that_keeps_nothing() {
    for fault in [Fault::Hang, AWAY] {
        let bench = Bench::new();
        let handle = bench.running("bake-10%").await;
        for keeps in [Call::Save, Call::Close] {
            bench.faults.from_now_on(keeps, fault);
        }
        handle.detach().await;
        let end = bench.within(Duration::from_secs(15), handle.outcome()).await;
        assert!(matches!(end, Some(Err(Stopped::Store(_)))), "{end:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_saved_on_the_way_out_is_acknowledged() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.faults.once(Call::Save, AWAY);
    let paused = handle.clone();
    let paused = tokio::spawn(async move { paused.pause(ada(), "lunch").await });
    tokio::task::yield_now().await;
    handle.detach().await;
    paused.await.unwrap().unwrap();
    assert!(matches!(handle.outcome().await, Err(Stopped::Detached)));
}

#[tokio::test(start_paused = true)]
async fn superseded_on_its_way_out_it_says_so() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    let thief = bench.builder().owned_by(Owner::new("thief")).build().unwrap();
    bench.faults.from_now_on(Call::Renew, Fault::Hang);
    thief.steal(revision("v2")).await.unwrap();
    handle.detach().await;
    assert!(matches!(handle.outcome().await, Err(Stopped::Superseded)));
}

#[tokio::test(start_paused = true)]
async fn a_forced_way_back_is_acknowledged_only_when_it_is_saved() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.router.routes.then(Err(busy(Duration::ZERO)));
    bench.faults.from_now_on(Call::Save, Fault::Hang);
    let aborting = handle.clone();
    let aborting = tokio::spawn(async move { aborting.abort(ada(), "enough").await });
    tokio::task::yield_now().await;
    let forced = bench.within(Duration::from_secs(5), handle.force_back(ada(), "hurry")).await;
    assert!(forced.is_none(), "nothing was saved since: {forced:?}");
    aborting.await.unwrap().unwrap();
    bench.faults.mend(Call::Save);
    bench.clock.sleep(Duration::from_secs(30)).await;
    let saved = bench.store.load(&target()).await.unwrap().unwrap().1.unwrap().snapshot;
    assert!(saved.contains(r#""forced":true"#), "{saved}");
}

#[tokio::test(start_paused = true)]
async fn a_lever_pulled_while_the_epoch_is_counted_on_is_answered() {
    let bench = Bench::new();
    bench.router.claims.then(Err(Failure::new(
        FailureKind::Fenced,
        "router",
        "an epoch that no store knows",
    )));
    let handle = bench.rollout().start(revision("v2")).await.unwrap();
    let paused = bench.within(Duration::from_secs(30), handle.pause(ada(), Reason::new("lunch"))).await;
    paused.expect("it is answered").unwrap();
    handle.resume(ada()).await.unwrap();
    handle.outcome().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_end_whose_answer_was_lost_is_told_all_the_same() {
    let bench = Bench::new();
    let handle = bench.running("bake-10%").await;
    bench.faults.from_now_on(Call::Close, Fault::AnswerLost);
    bench.clock.sleep(Duration::from_hours(1)).await;
    bench.faults.mend(Call::Close);
    let outcome = handle.outcome().await.unwrap();
    assert_eq!(outcome.ending(), Ending::Promoted);
}
