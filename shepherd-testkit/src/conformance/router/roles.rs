//! Which side is stable: decided by the first claim of a rollout, where the router swaps.

use shepherd_core::model::{Exposure, Fence, Mark, Route};
use shepherd_core::ports::TrafficRouter;

use super::RouterFixture;
use super::bench::Bench;
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::words::{fence, on};

/// A claim leaves what users meet as it is. Only where a router that swaps has all of the traffic on the candidate does
/// a new rollout's claim read off, since the side that serves is stable from then on.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn claim_keeps_exposure<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("claim_keeps_exposure", fixture).await?;
    let mut shown = Bench::<F>::shown(1, bench.everything());
    in_effect(&bench, &shown).await?;
    for owner in [fence(1, 2), fence(2, 3)] {
        shown = claimed(&bench, &shown, &owner)?;
        bench.claimed(&owner).await?;
        let seen = bench.observed().await?.exposure;
        bench.promise.same("the exposure after a claim", &seen, &shown.exposure)?;
    }
    Ok(())
}

/// The first claim of a rollout, while the candidate has all of the traffic, makes the side that serves the stable one,
/// and all of the traffic can be moved to the other side again, any number of times. A router that does not swap keeps
/// the roles.
///
/// # Errors
/// [`Broken`] when the roles are kept, or what is applied afterwards is not what is observed.
pub async fn a_new_rollout_takes_the_serving_side_for_stable<F: RouterFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_new_rollout_takes_the_serving_side_for_stable", fixture).await?;
    let mut shown = everything_moved(1);
    in_effect(&bench, &shown).await?;
    for nth in 2..=4 {
        shown = claimed(&bench, &shown, &fence(nth, nth))?;
        bench.claimed(&shown.mark.fence).await?;
        bench.shows(&shown).await?;
        shown = everything_moved(nth);
        in_effect(&bench, &shown).await?;
        bench.shows(&shown).await?;
    }
    Ok(())
}

/// Every later claim of a rollout keeps the roles: its own full exposure is no reason to change them.
///
/// # Errors
/// [`Broken`] when they change.
pub async fn the_same_rollout_keeps_the_roles<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("the_same_rollout_keeps_the_roles", fixture).await?;
    bench.claimed(&fence(1, 1)).await?;
    let mut shown = everything_moved(1);
    in_effect(&bench, &shown).await?;
    for owner in [fence(1, 1), fence(1, 2), fence(1, 3), fence(2, 4), fence(2, 4), fence(2, 5)] {
        shown = claimed(&bench, &shown, &owner)?;
        bench.claimed(&owner).await?;
        let seen = bench.observed().await?.exposure;
        bench.promise.same("the exposure after a claim", &seen, &shown.exposure)?;
    }
    Ok(())
}

/// A claim that exchanges the roles and is dropped at any await has happened whole, mark and roles, or not at all, and
/// the same call again completes it.
///
/// # Errors
/// [`Broken`] when half of it is left, or it is exchanged twice.
pub async fn a_dropped_swap_is_completed_by_the_same_call<F: RouterFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_swap_is_completed_by_the_same_call", fixture).await?;
    for (polls, nth) in (1..=MOST_POLLS).zip(1..) {
        let before = everything_moved(nth);
        bench.claimed(&before.mark.fence).await?;
        in_effect(&bench, &before).await?;
        let owner = fence(nth + 1, nth + 1);
        let after = claimed(&bench, &before, &owner)?;
        let answer = cut(polls, bench.router.claim(&owner)).await;
        bench.is_whole(&[&before, &after]).await?;
        bench.claimed(&owner).await?;
        bench.shows(&after).await?;
        if answer.is_some() {
            break;
        }
    }
    Ok(())
}

/// The rollout of this number, in the epoch of the same number, has moved everybody to its candidate.
fn everything_moved(nth: u64) -> Route {
    Route { exposure: Exposure::weight(shepherd_core::model::Weight::FULL), mark: on(&fence(nth, nth), 1) }
}

async fn in_effect<F: RouterFixture>(bench: &Bench<'_, F>, route: &Route) -> Result<(), Broken> {
    bench.applied(route).await?;
    let what = format!("{} in effect", route.exposure);
    bench.promise.until(&what, async || Ok(bench.observed().await?.in_effect)).await
}

/// What must be routed after `owner` has claimed what `before` says.
fn claimed<F: RouterFixture>(bench: &Bench<'_, F>, before: &Route, owner: &Fence) -> Result<Route, Broken> {
    let mark = bench.promise.ok("claiming", Mark::claimed(Some(&before.mark), owner))?;
    let swaps = bench.can().swaps && owner.begins(Some(&before.mark)) && before.exposure.is_all();
    Ok(Route { exposure: if swaps { Exposure::OFF } else { before.exposure.clone() }, mark })
}
