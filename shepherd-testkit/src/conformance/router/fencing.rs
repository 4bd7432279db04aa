//! Who may write. Each promise holds for routers that hold marks; one that cannot must do as it is told instead.

use shepherd_core::model::{Exposure, FailureKind, Mark, Route, Weight};
use shepherd_core::ports::TrafficRouter;

use super::RouterFixture;
use super::bench::Bench;
use crate::conformance::Broken;
use crate::conformance::words::{fence, off, on};

/// The mark of the last write is observed whole; a router that cannot hold marks shows none.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn marks_read_back<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("marks_read_back", fixture).await?;
    let shown = Bench::<F>::shown(7, Exposure::weight(bench.low()));
    for route in [shown, Bench::<F>::taken_off(8)] {
        bench.applied(&route).await?;
        let held = bench.held(&route.mark);
        bench.promise.same("the mark observed", &bench.observed().await?.mark, &held)?;
    }
    Ok(())
}

/// A claim stamps its owner, and keeps what the same rollout has decided.
///
/// # Errors
/// [`Broken`] when the mark shows another owner, or an off is forgotten.
pub async fn claim_stamps_its_owner<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("claim_stamps_its_owner", fixture).await?;
    bench.claimed(&fence(1, 1)).await?;
    stamped(&bench, None, 1).await?;
    let off = Bench::<F>::taken_off(4);
    bench.applied(&off).await?;
    bench.claimed(&fence(1, 2)).await?;
    stamped(&bench, Some(&off.mark), 2).await
}

async fn stamped<F: RouterFixture>(
    bench: &Bench<'_, F>,
    before: Option<&Mark>,
    epoch: u64,
) -> Result<(), Broken> {
    let mark = bench.promise.ok("claiming", Mark::claimed(before, &fence(1, epoch)))?;
    let held = bench.held(&mark);
    bench.promise.same("the mark after a claim", &bench.observed().await?.mark, &held)
}

/// After a later owner's claim an older one cannot claim.
///
/// # Errors
/// [`Broken`] when it can.
pub async fn an_older_owner_cannot_claim<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_older_owner_cannot_claim", fixture).await?;
    bench.claimed(&fence(1, 2)).await?;
    let before = bench.observed().await?.mark;
    if bench.can().fenced {
        let late = fence(1, 1);
        let claim = || bench.router.claim(&late);
        bench.promise.refused("an older owner's claim", FailureKind::Fenced, claim).await?;
    } else {
        bench.claimed(&fence(1, 1)).await?;
    }
    bench.promise.same("the mark", &bench.observed().await?.mark, &before)
}

/// After a later owner's claim an older one raises nothing.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn an_older_owner_raises_nothing<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_older_owner_raises_nothing", fixture).await?;
    bench.claimed(&fence(1, 2)).await?;
    let raise = Bench::<F>::shown(9, Exposure::weight(Bench::<F>::high()));
    bench.is_fenced_off("an older owner's raise", &raise).await
}

/// After a later owner's claim an older one lowers nothing: what it takes for stable may be gone by now.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn an_older_owner_lowers_nothing<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_older_owner_lowers_nothing", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, Exposure::weight(Bench::<F>::high()))).await?;
    bench.claimed(&fence(1, 2)).await?;
    bench.is_fenced_off("an older owner's lower weight", &Bench::<F>::shown(9, Exposure::OFF)).await
}

/// After a later owner's claim an older one takes nothing off.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn an_older_owner_takes_nothing_off<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_older_owner_takes_nothing_off", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, Exposure::weight(Bench::<F>::high()))).await?;
    bench.claimed(&fence(1, 2)).await?;
    bench.is_fenced_off("an older owner's off", &Bench::<F>::taken_off(9)).await
}

/// A later owner of the same rollout goes on with it.
///
/// # Errors
/// [`Broken`] when it is refused.
pub async fn a_later_owner_goes_on<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_later_owner_goes_on", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, Exposure::weight(bench.low()))).await?;
    bench.claimed(&fence(1, 2)).await?;
    bench.writes(&Route { exposure: Exposure::weight(Bench::<F>::high()), mark: on(&fence(1, 2), 2) }).await
}

/// Once a rollout is taken off, no write of it raises it again, whoever owns it.
///
/// # Errors
/// [`Broken`] when one does.
pub async fn a_raise_after_off_is_refused<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_raise_after_off_is_refused", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, Exposure::weight(bench.low()))).await?;
    bench.applied(&Bench::<F>::taken_off(2)).await?;
    let raise = Bench::<F>::shown(3, Exposure::weight(Bench::<F>::high()));
    bench.is_fenced_off("a raise after off", &raise).await?;
    bench.applied(&Bench::<F>::taken_off(4)).await?;
    bench.claimed(&fence(1, 2)).await?;
    let raise = Route { mark: on(&fence(1, 2), 5), ..raise };
    bench.is_fenced_off("the next owner's raise after off", &raise).await
}

/// A new rollout may show its candidate after an old one was taken off.
///
/// # Errors
/// [`Broken`] when it may not.
pub async fn a_new_rollout_may_raise_after_an_old_ones_off<F: RouterFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_new_rollout_may_raise_after_an_old_ones_off", fixture).await?;
    bench.applied(&Bench::<F>::taken_off(9)).await?;
    bench.claimed(&fence(2, 2)).await?;
    bench.writes(&Route { exposure: Exposure::weight(bench.low()), mark: on(&fence(2, 2), 1) }).await
}

/// An off that asks for more than is there leaves what is there; one that asks for nothing always goes through, any
/// number of times.
///
/// # Errors
/// [`Broken`] when it raises, or is refused.
pub async fn off_never_raises<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("off_never_raises", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, Exposure::OFF)).await?;
    if bench.can().fenced {
        let more = bench.everything().with_weight(Weight::FULL);
        bench.applied(&Route { exposure: more, mark: off(&fence(1, 1), 2) }).await?;
        bench.promise.same("the exposure after off", &bench.observed().await?.exposure, &Exposure::OFF)?;
    }
    for generation in [3, 3, 4] {
        bench.applied(&Bench::<F>::taken_off(generation)).await?;
        bench.promise.same("the exposure after off", &bench.observed().await?.exposure, &Exposure::OFF)?;
    }
    Ok(())
}

/// A late write of an earlier decision is refused.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn a_late_decision_is_refused<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_late_decision_is_refused", fixture).await?;
    bench.applied(&Bench::<F>::shown(4, Exposure::weight(bench.low()))).await?;
    let late = Bench::<F>::shown(3, Exposure::OFF);
    bench.is_fenced_off("a late decision", &late).await
}

/// The same decision again is let through.
///
/// # Errors
/// [`Broken`] when it is refused.
pub async fn the_same_decision_again_is_accepted<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("the_same_decision_again_is_accepted", fixture).await?;
    let route = Bench::<F>::shown(4, Exposure::weight(bench.low()));
    bench.writes(&route).await?;
    bench.claimed(&route.mark.fence).await?;
    bench.writes(&route).await
}
