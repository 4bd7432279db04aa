use shepherd_core::ports::{Hook, HookContext};

use super::HookFixture;
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::promise::Promise;
use crate::conformance::words::{effect, revision, rollout, target};

struct Bench<'f, F: HookFixture> {
    promise: Promise,
    hook: F::Hook,
    fixture: &'f F,
}

fn run(id: u64) -> HookContext {
    HookContext::new(rollout(1), effect(id), target(1), revision(1), revision(2))
}

impl<'f, F: HookFixture> Bench<'f, F> {
    async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, fixture.patience());
        let hook = promise.opened(fixture.open().await)?;
        Ok(Self { promise, hook, fixture })
    }

    async fn runs(&self, run: &HookContext) -> Result<(), Broken> {
        self.promise.done("the run", || self.hook.run(run)).await
    }

    async fn held(&self, run: &HookContext, times: usize) -> Result<(), Broken> {
        let held = self.promise.opened(self.fixture.took_hold(run.id).await)?;
        self.promise.same(&format!("how often run {} took hold", run.id), &held, &times)
    }
}

/// A run that is through has taken hold.
///
/// # Errors
/// [`Broken`] when it has not.
pub async fn a_run_takes_hold<F: HookFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_run_takes_hold", fixture).await?;
    bench.runs(&run(1)).await?;
    bench.held(&run(1), 1).await
}

/// The same run again succeeds and takes hold no second time, in another process too.
///
/// # Errors
/// [`Broken`] when it is refused, or takes hold twice.
pub async fn the_same_run_again_takes_hold_once<F: HookFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::open("the_same_run_again_takes_hold_once", fixture).await?;
    bench.runs(&run(1)).await?;
    bench.runs(&run(1)).await?;
    bench.hook = bench.promise.opened(fixture.open().await)?;
    bench.runs(&run(1)).await?;
    bench.held(&run(1), 1).await
}

/// Another run takes hold of its own.
///
/// # Errors
/// [`Broken`] when it is taken for the one before.
pub async fn another_run_takes_hold_too<F: HookFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("another_run_takes_hold_too", fixture).await?;
    for id in [1, 2] {
        bench.runs(&run(id)).await?;
    }
    bench.held(&run(2), 1).await
}

/// A run that does not take hold is an error, never a success.
///
/// # Errors
/// [`Broken`] when it is answered as done.
pub async fn a_run_that_fails_is_an_error<F: HookFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_run_that_fails_is_an_error", fixture).await?;
    bench.promise.opened(fixture.works(false).await)?;
    let answer = bench.hook.run(&run(1)).await;
    bench.promise.holds(answer.is_err(), "a run that failed was answered as done")
}

/// A run that failed takes hold when it is run again and can.
///
/// # Errors
/// [`Broken`] when its failure is remembered.
pub async fn a_run_that_failed_can_be_run_again<F: HookFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_run_that_failed_can_be_run_again", fixture).await?;
    bench.promise.opened(fixture.works(false).await)?;
    drop(bench.hook.run(&run(1)).await);
    bench.promise.opened(fixture.works(true).await)?;
    bench.runs(&run(1)).await?;
    bench.held(&run(1), 1).await
}

/// A run that is dropped at any await is completed by the same run again, and takes hold once.
///
/// # Errors
/// [`Broken`] when it takes hold twice or not at all.
pub async fn a_dropped_run_is_completed_by_the_same_run<F: HookFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_run_is_completed_by_the_same_run", fixture).await?;
    for (polls, id) in (1..=MOST_POLLS).zip(1..) {
        let answer = cut(polls, bench.hook.run(&run(id))).await;
        bench.runs(&run(id)).await?;
        bench.held(&run(id), 1).await?;
        if answer.is_some() {
            break;
        }
    }
    Ok(())
}
