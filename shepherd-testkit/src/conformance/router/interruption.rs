//! What is left when a call is dropped, or when two run at once.

use shepherd_core::model::{Exposure, FailureKind, Mark, Route};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::RouterFixture;
use super::bench::Bench;
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::words::fence;

/// An apply that is dropped at any await has happened or not, and the same call again completes it.
///
/// # Errors
/// [`Broken`] when half a route is left, or the same call again does not complete it.
pub async fn a_dropped_apply_is_completed_by_the_same_call<F: RouterFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_apply_is_completed_by_the_same_call", fixture).await?;
    let mut before = Bench::<F>::shown(1, Exposure::OFF);
    bench.writes(&before).await?;
    for polls in 1..=MOST_POLLS {
        let generation = before.mark.generation.get() + 1;
        let exposure = if before.exposure.is_off() { bench.everything() } else { Exposure::OFF };
        let route = Bench::<F>::shown(generation, exposure);
        let answer = cut(polls, bench.router.apply(&route)).await;
        bench.is_whole(&[&before, &route]).await?;
        bench.writes(&route).await?;
        if answer.is_some() {
            break;
        }
        before = route;
    }
    Ok(())
}

/// A claim that is dropped at any await has happened or not, and the same call again completes it.
///
/// # Errors
/// [`Broken`] when half a claim is left, or the same call again does not complete it.
pub async fn a_dropped_claim_is_completed_by_the_same_call<F: RouterFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_claim_is_completed_by_the_same_call", fixture).await?;
    let mut before = Bench::<F>::shown(1, bench.everything());
    bench.writes(&before).await?;
    for polls in 1..=MOST_POLLS {
        let owner = fence(1, before.mark.fence.epoch.get() + 1);
        let mark = bench.promise.ok("claiming", Mark::claimed(Some(&before.mark), &owner))?;
        let claimed = Route { mark, ..before.clone() };
        let answer = cut(polls, bench.router.claim(&owner)).await;
        bench.is_whole(&[&before, &claimed]).await?;
        bench.claimed(&owner).await?;
        bench.shows(&claimed).await?;
        if answer.is_some() {
            break;
        }
        before = claimed;
    }
    Ok(())
}

/// Of routes that are applied at the same time one is left, whole; where marks are held it is the newest decision.
///
/// # Errors
/// [`Broken`] when parts of two are left, or a newer decision is lost.
pub async fn concurrent_applies_leave_one_route_whole<F: RouterFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("concurrent_applies_leave_one_route_whole", fixture).await?;
    let another = bench.another().await?;
    for round in 0..8 {
        let older = Bench::<F>::shown(2 * round + 1, bench.everything());
        let newer = Bench::<F>::shown(2 * round + 2, Exposure::weight(Bench::<F>::high()));
        let (first, second) = if round % 2 == 0 { (&newer, &older) } else { (&older, &newer) };
        let (one, other) = tokio::join!(
            bench.promise.settled(|| bench.router.apply(first)),
            bench.promise.settled(|| another.apply(second)),
        );
        accepted_or_fenced(&bench, one)?;
        accepted_or_fenced(&bench, other)?;
        let left: &[&Route] = if bench.can().fenced { &[&newer] } else { &[&newer, &older] };
        bench.is_whole(left).await?;
    }
    Ok(())
}

fn accepted_or_fenced<F: RouterFixture>(
    bench: &Bench<'_, F>,
    answer: Result<(), PortError>,
) -> Result<(), Broken> {
    match answer {
        Err(error) if bench.can().fenced && error.kind() == FailureKind::Fenced => Ok(()),
        answer => bench.promise.ok("one of two applies at the same time", answer),
    }
}
