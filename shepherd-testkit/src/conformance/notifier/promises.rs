use shepherd_core::machine::{Ending, Event, Happening};
use shepherd_core::model::{Actor, Exposure, StageName, Timestamp, Verdict, Weight};
use shepherd_core::ports::{Notice, Notifier};

use super::NotifierFixture;
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::promise::Promise;
use crate::conformance::words::{effect, rollout, target};

struct Bench<'f, F: NotifierFixture> {
    promise: Promise,
    notifier: F::Notifier,
    fixture: &'f F,
}

fn notice(id: u64, what: Happening) -> Notice {
    let at = Timestamp::from_millis(1_767_225_600_000);
    Notice::new(target(1), rollout(1), effect(id), Event { at, what })
}

fn paused(id: u64) -> Notice {
    notice(id, Happening::Paused(format!("notice {id}: \"why\" <b>&amp;</b> \u{1F411}\nsecond line").into()))
}

impl<'f, F: NotifierFixture> Bench<'f, F> {
    async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, fixture.patience());
        let notifier = promise.opened(fixture.open().await)?;
        Ok(Self { promise, notifier, fixture })
    }

    async fn told(&self, notice: &Notice) -> Result<(), Broken> {
        self.promise.done("telling", || self.notifier.notify(notice)).await
    }

    async fn is_heard(&self, notice: &Notice) -> Result<(), Broken> {
        let what = format!("\"{}\" is heard", notice.event.what);
        self.promise.until(&what, async || self.promise.opened(self.fixture.heard(notice).await)).await
    }
}

/// What was told is heard.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn what_is_told_is_heard<F: NotifierFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_is_told_is_heard", fixture).await?;
    bench.told(&paused(1)).await?;
    bench.is_heard(&paused(1)).await
}

/// Every kind of event can be told.
///
/// # Errors
/// [`Broken`] when one is refused.
pub async fn every_kind_of_event_can_be_told<F: NotifierFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("every_kind_of_event_can_be_told", fixture).await?;
    let stage = bench.promise.ok("a stage's name", StageName::new("bake at 10%"))?;
    let by = bench.promise.ok("an actor's name", Actor::new("ops@example.com"))?;
    let kinds = [
        Happening::Attached(stage.clone()),
        Happening::Entered(stage.clone()),
        Happening::Completed(stage.clone()),
        Happening::Exposed(Exposure::weight(Weight::FINEST)),
        Happening::Checked(Verdict::Inconclusive("no data".into())),
        Happening::AwaitsApproval(stage.clone()),
        Happening::Approved(by.clone()),
        Happening::Paused("a person said so".into()),
        Happening::Resumed(by.clone()),
        Happening::Skipped { by: by.clone(), stage },
        Happening::Hurried(by),
        Happening::Drifted(Exposure::OFF),
        Happening::TakenOff,
        Happening::Finished(Ending::RolledBack),
    ];
    for (what, id) in kinds.into_iter().zip(1..) {
        let notice = notice(id, what);
        bench.told(&notice).await?;
        bench.is_heard(&notice).await?;
    }
    Ok(())
}

/// The same notice may be told again, as after a crash.
///
/// # Errors
/// [`Broken`] when it is refused.
pub async fn the_same_notice_may_be_told_again<F: NotifierFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::open("the_same_notice_may_be_told_again", fixture).await?;
    for _ in 0..2 {
        bench.told(&paused(1)).await?;
        bench.told(&paused(1)).await?;
        bench.is_heard(&paused(1)).await?;
        bench.notifier = bench.promise.opened(fixture.open().await)?;
    }
    Ok(())
}

/// What people cannot be told is an error, never a success.
///
/// # Errors
/// [`Broken`] when a notice is lost in silence.
pub async fn what_cannot_be_told_is_an_error<F: NotifierFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_cannot_be_told_is_an_error", fixture).await?;
    bench.promise.opened(fixture.reachable(false).await)?;
    let answer = bench.notifier.notify(&paused(1)).await;
    bench.promise.holds(answer.is_err(), "a notice to nobody was answered as told")
}

/// When people can be reached again, the same notice is heard.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn what_failed_can_be_told_later<F: NotifierFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_failed_can_be_told_later", fixture).await?;
    bench.promise.opened(fixture.reachable(false).await)?;
    drop(bench.notifier.notify(&paused(1)).await);
    bench.promise.opened(fixture.reachable(true).await)?;
    bench.told(&paused(1)).await?;
    bench.is_heard(&paused(1)).await
}

/// A call that is dropped at any await can be made again, and is heard.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn a_dropped_notice_can_be_told_again<F: NotifierFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_notice_can_be_told_again", fixture).await?;
    for (polls, id) in (1..=MOST_POLLS).zip(1..) {
        let answer = cut(polls, bench.notifier.notify(&paused(id))).await;
        bench.told(&paused(id)).await?;
        bench.is_heard(&paused(id)).await?;
        if answer.is_some() {
            break;
        }
    }
    Ok(())
}

/// Notices at the same time are all heard.
///
/// # Errors
/// [`Broken`] when one is lost.
pub async fn several_are_told_at_once<F: NotifierFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("several_are_told_at_once", fixture).await?;
    let notices = [1, 2, 3].map(paused);
    let [one, two, three] = &notices;
    let told = tokio::join!(bench.told(one), bench.told(two), bench.told(three));
    told.0.and(told.1).and(told.2)?;
    for notice in &notices {
        bench.is_heard(notice).await?;
    }
    Ok(())
}
