//! What is written is what is read, or it is refused.

use shepherd_core::model::{Exposure, Weight};
use shepherd_core::ports::TrafficRouter;

use super::RouterFixture;
use super::bench::Bench;
use crate::conformance::Broken;

/// What a router says it can do is the same at any time and of any router on the same backend.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn capabilities_are_constant<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("capabilities_are_constant", fixture).await?;
    let said = bench.can();
    bench.applied(&Bench::<F>::shown(1, bench.everything())).await?;
    bench.promise.same("what it can do after a write", &bench.can(), &said)?;
    let another = bench.another().await?;
    bench.promise.same("what another router can do", &another.capabilities(), &said)
}

/// Every exposure that the router can make is observed exactly as it was applied, up and down.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn apply_reads_back_exactly<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("apply_reads_back_exactly", fixture).await?;
    for (weight, generation) in bench.weights().into_iter().zip(1..) {
        let route = Bench::<F>::shown(generation, Exposure::weight(weight));
        bench.applied(&route).await?;
        let seen = bench.observed().await?.exposure;
        bench.promise.same("the exposure observed", &seen, &route.exposure)?;
    }
    Ok(())
}

/// The data path comes to behave as was written, and the router says so. Until then it may say what is awaited, and no
/// longer.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn a_write_comes_into_effect<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_write_comes_into_effect", fixture).await?;
    let raised = Bench::<F>::shown(1, Exposure::weight(bench.low()));
    for route in [raised, Bench::<F>::taken_off(2)] {
        bench.applied(&route).await?;
        let what = format!("{} in effect", route.exposure);
        let in_effect = async || {
            let seen = bench.observed().await?;
            let awaited = seen.awaits.filter(|_| seen.in_effect);
            bench.promise.same("what is awaited of a route in effect", &awaited, &None)?;
            Ok(seen.in_effect)
        };
        bench.promise.until(&what, in_effect).await?;
    }
    Ok(())
}

/// The same route again changes nothing.
///
/// # Errors
/// [`Broken`] when it does, or is refused.
pub async fn apply_is_idempotent<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("apply_is_idempotent", fixture).await?;
    let route = Bench::<F>::shown(1, bench.everything());
    bench.applied(&route).await?;
    let once = bench.observed().await?;
    bench.applied(&route).await?;
    let twice = bench.observed().await?;
    bench.promise.same("the exposure after the same route again", &twice.exposure, &once.exposure)?;
    bench.promise.same("the mark after the same route again", &twice.mark, &once.mark)
}

/// A route is the whole of it: nothing of the route before remains.
///
/// # Errors
/// [`Broken`] when something does.
pub async fn apply_replaces_all_of_the_route_before<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("apply_replaces_all_of_the_route_before", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, bench.everything())).await?;
    let plain = Exposure::weight(Bench::<F>::high());
    bench.applied(&Bench::<F>::shown(2, plain.clone())).await?;
    bench.promise.same("the exposure observed", &bench.observed().await?.exposure, &plain)
}

/// Off takes away weight, matches and mirror together.
///
/// # Errors
/// [`Broken`] when something of them is left.
pub async fn off_clears_weight_matches_and_mirror<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("off_clears_weight_matches_and_mirror", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, bench.everything())).await?;
    bench.applied(&Bench::<F>::taken_off(2)).await?;
    bench.promise.same("the exposure after off", &bench.observed().await?.exposure, &Exposure::OFF)
}

/// A weight between two of the router's steps is refused, never rounded; a router without steps makes the finest
/// weights exactly.
///
/// # Errors
/// [`Broken`] when a weight is rounded, or refused for another reason.
pub async fn a_weight_is_exact_or_refused<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_weight_is_exact_or_refused", fixture).await?;
    for weight in bench.between() {
        bench.is_unable(&Bench::<F>::shown(1, Exposure::weight(weight))).await?;
    }
    for weight in [bench.low(), Weight::FULL] {
        let route = Bench::<F>::shown(1, Exposure::weight(weight));
        bench.applied(&route).await?;
        bench.promise.same("the weight observed", &bench.observed().await?.exposure.weight, &weight)?;
    }
    Ok(())
}

/// Matches are routed as asked by a router that can, and refused by one that cannot: any headers and cookies, or one
/// header and one cookie of a fixed value, or none.
///
/// # Errors
/// [`Broken`] when they are lost, or refused for another reason.
pub async fn matches_are_kept_or_refused<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("matches_are_kept_or_refused", fixture).await?;
    for matches in Bench::<F>::choices() {
        let can = bench.can_choose(&matches);
        let matching = Exposure::matching(matches);
        kept_or_refused(&bench, can, &matching).await?;
        kept_or_refused(&bench, can, &matching.with_weight(Bench::<F>::high())).await?;
    }
    Ok(())
}

/// Requests are copied as asked by a router that can, and refused by one that cannot.
///
/// # Errors
/// [`Broken`] when the mirror is lost, or refused for another reason.
pub async fn a_mirror_is_kept_or_refused<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_mirror_is_kept_or_refused", fixture).await?;
    let mirrored = Exposure::OFF.mirrored(Bench::<F>::high());
    kept_or_refused(&bench, bench.can().mirror, &mirrored).await
}

async fn kept_or_refused<F: RouterFixture>(
    bench: &Bench<'_, F>,
    can: bool,
    exposure: &Exposure,
) -> Result<(), Broken> {
    let route = Bench::<F>::shown(1, exposure.clone());
    if !can {
        return bench.is_unable(&route).await;
    }
    bench.applied(&route).await?;
    bench.promise.same("the exposure observed", &bench.observed().await?.exposure, exposure)
}

/// Nothing else that the backend holds is changed.
///
/// # Errors
/// [`Broken`] when something is.
pub async fn nothing_else_is_changed<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("nothing_else_is_changed", fixture).await?;
    let before = bench.bystanders().await?;
    let shown = Bench::<F>::shown(1, bench.everything());
    bench.claimed(&shown.mark.fence).await?;
    for route in [shown, Bench::<F>::taken_off(2)] {
        bench.applied(&route).await?;
        bench.promise.same("what the backend holds beside", &bench.bystanders().await?, &before)?;
    }
    Ok(())
}

/// What one router wrote another one on the same backend observes.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn another_router_observes_the_same<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("another_router_observes_the_same", fixture).await?;
    bench.applied(&Bench::<F>::shown(1, bench.everything())).await?;
    let (seen, another) = (bench.observed().await?, bench.another().await?);
    let there = bench.promise.done("observe", || another.observe()).await?;
    bench.promise.same("the exposure in another router", &there.exposure, &seen.exposure)?;
    bench.promise.same("the mark in another router", &there.mark, &seen.mark)
}
