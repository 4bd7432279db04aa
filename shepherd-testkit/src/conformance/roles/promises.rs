use shepherd_core::model::{FailureKind, Replicas, Track, Weight};
use shepherd_core::ports::{TrafficRouter, Workload};

use super::RolesFixture;
use super::bench::{Bench, of};
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::words::{fence, on};

use Track::{Candidate, Stable};

/// After the first claims of the next rollout router and workload call the side that serves stable, and the other one
/// the candidate, which keeps what it runs.
///
/// # Errors
/// [`Broken`] when they differ, or something runs no more.
pub async fn both_take_the_serving_side_for_stable<F: RolesFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::moved("both_take_the_serving_side_for_stable", fixture).await?;
    bench.promise.holds(bench.router.capabilities().swaps, "the router does not swap")?;
    bench.claimed(&fence(2, 2)).await?;
    bench.stable_is(&bench.new, &fence(2, 2)).await?;
    bench.is(Candidate, &bench.old).await
}

/// Users are answered by the same revision before the claims, between them, and after them.
///
/// # Errors
/// [`Broken`] when another one answers.
pub async fn users_meet_the_same_all_along<F: RolesFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::moved("users_meet_the_same_all_along", fixture).await?;
    bench.claimed_routing(&fence(2, 2)).await?;
    bench.answers(&bench.new).await?;
    bench.claimed_workload(&fence(2, 2)).await?;
    bench.answers(&bench.new).await
}

/// A later owner of a rollout finds the roles as the first one did, whatever the rollout has moved since.
///
/// # Errors
/// [`Broken`] when they change.
pub async fn a_later_owner_keeps_the_roles<F: RolesFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::moved("a_later_owner_keeps_the_roles", fixture).await?;
    bench.claimed(&fence(2, 2)).await?;
    bench.claimed(&fence(2, 3)).await?;
    bench.stable_is(&bench.new, &fence(2, 3)).await?;
    bench.all_moved(&fence(2, 3), &bench.old).await?;
    bench.reopen().await?;
    bench.claimed(&fence(2, 4)).await?;
    bench.shows(Weight::FULL, &fence(2, 4)).await?;
    bench.is(Stable, &bench.new).await?;
    bench.answers(&bench.old).await
}

/// Where only the router was claimed the next owner completes it: of the same rollout or of another one.
///
/// # Errors
/// [`Broken`] when the workload does not follow, or the router changes the roles again.
pub async fn what_one_owner_began_the_next_one_completes<F: RolesFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::moved("what_one_owner_began_the_next_one_completes", fixture).await?;
    bench.claimed_routing(&fence(2, 2)).await?;
    bench.reopen().await?;
    bench.claimed(&fence(2, 3)).await?;
    bench.stable_is(&bench.new, &fence(2, 3)).await?;
    bench.all_moved(&fence(2, 3), &bench.old).await?;
    bench.claimed_routing(&fence(3, 4)).await?;
    bench.reopen().await?;
    bench.claimed(&fence(4, 5)).await?;
    bench.stable_is(&bench.old, &fence(4, 5)).await
}

/// After two rollouts the sides have the roles that they had at first.
///
/// # Errors
/// [`Broken`] when they have others.
pub async fn swapped_twice_is_where_it_began<F: RolesFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::moved("swapped_twice_is_where_it_began", fixture).await?;
    bench.claimed(&fence(2, 2)).await?;
    bench.all_moved(&fence(2, 2), &bench.old).await?;
    bench.claimed(&fence(3, 3)).await?;
    bench.stable_is(&bench.old, &fence(3, 3)).await?;
    bench.is(Candidate, &bench.new).await
}

/// The side that was retired after a swap comes up again as the next rollout's candidate.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn the_retired_side_is_the_next_candidate<F: RolesFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::moved("the_retired_side_is_the_next_candidate", fixture).await?;
    bench.retired(&fence(1, 1), Stable).await?;
    bench.claimed(&fence(2, 2)).await?;
    bench.stable_is(&bench.new, &fence(2, 2)).await?;
    let candidate = bench.observed().await?.candidate;
    bench.promise.same("what shall run on the candidate", &candidate.desired, &Replicas::ZERO)?;
    bench.all_moved(&fence(2, 2), &bench.old).await?;
    bench.is(Stable, &bench.new).await
}

/// A rollout that begins while the candidate has less than all of the traffic finds the roles as they were.
///
/// # Errors
/// [`Broken`] when they change.
pub async fn what_is_partial_keeps_the_roles<F: RolesFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("what_is_partial_keeps_the_roles", fixture).await?;
    bench.begun().await?;
    bench.runs(&fence(1, 1), 4, Candidate, &bench.new).await?;
    let finest = bench.router.capabilities().finest_weight;
    let weight = if finest == Weight::FULL { Weight::ZERO } else { finest.max(Weight::FINEST) };
    bench.routed(&fence(1, 1), weight).await?;
    bench.claimed(&fence(2, 2)).await?;
    bench.shows(weight, &fence(2, 2)).await?;
    bench.is(Stable, &bench.old).await?;
    bench.is(Candidate, &bench.new).await
}

/// What the rollout before wrote late, between the two claims, meant the roles of its own time: it must not end what
/// serves now.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn a_late_write_between_the_claims_ends_nothing_that_serves<F: RolesFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::moved("a_late_write_between_the_claims_ends_nothing_that_serves", fixture).await?;
    bench.claimed_routing(&fence(2, 2)).await?;
    let (late, mark) = (of(Stable, &bench.old, Replicas::ZERO), on(&fence(1, 1), 9));
    match bench.promise.settled(|| bench.workload.apply(&late, &mark)).await {
        Err(error) if error.kind() == FailureKind::Fenced => {}
        answer => bench.promise.ok("a late write", answer)?,
    }
    bench.claimed_workload(&fence(2, 2)).await?;
    bench.stable_is(&bench.new, &fence(2, 2)).await
}

/// A workload's claim that is dropped at any await is completed by the same call, and changes the roles once.
///
/// # Errors
/// [`Broken`] when the roles are others afterwards.
pub async fn a_dropped_claim_is_completed_by_the_same_call<F: RolesFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::moved("a_dropped_claim_is_completed_by_the_same_call", fixture).await?;
    for (polls, nth) in (1..=MOST_POLLS).zip(2..) {
        let owner = fence(nth, nth);
        bench.claimed_routing(&owner).await?;
        let answer = cut(polls, bench.workload.claim(&owner)).await;
        bench.claimed_workload(&owner).await?;
        let (stable, next) = if nth % 2 == 0 { (&bench.new, &bench.old) } else { (&bench.old, &bench.new) };
        bench.stable_is(stable, &owner).await?;
        if answer.is_some() {
            break;
        }
        bench.all_moved(&owner, next).await?;
    }
    Ok(())
}
