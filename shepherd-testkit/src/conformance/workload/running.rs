//! What runs is what was asked for, and what serves goes on serving.

use shepherd_core::model::{Replicas, Track};
use shepherd_core::ports::Workload;

use super::WorkloadFixture;
use super::bench::{Bench, failing, mark, meant, of};
use super::in_place;
use crate::conformance::Broken;
use crate::conformance::words::fence;

use Track::{Candidate, Stable};

/// What was applied is at once what the side is meant to be.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn apply_reads_back<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("apply_reads_back", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::apply_reads_back(&bench, all).await;
    }
    let (old, new) = (bench.old.clone(), bench.new.clone());
    let specs = [of(Stable, &old, 2), of(Stable, &old, 3), of(Candidate, &new, 1), of(Stable, &new, 1)];
    for (spec, generation) in specs.into_iter().zip(1..) {
        bench.applied(&spec, &mark(generation)).await?;
        let seen = bench.side(spec.track).await?;
        bench.promise.same("what is meant to run", &meant(&seen), &(Some(spec.revision), spec.replicas))?;
    }
    Ok(())
}

/// Replicas become ready, and the backend serves with them.
///
/// # Errors
/// [`Broken`] when they do not.
pub async fn replicas_become_ready<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("replicas_become_ready", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::replicas_become_ready(&bench, all).await;
    }
    let (one, three) = (of(Stable, &bench.old, 1), of(Stable, &bench.old, 3));
    bench.runs(&one, &mark(1)).await?;
    bench.runs(&three, &mark(2)).await
}

/// The same spec again changes nothing.
///
/// # Errors
/// [`Broken`] when replicas come or go.
pub async fn apply_is_idempotent<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("apply_is_idempotent", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::apply_is_idempotent(&bench, all).await;
    }
    let spec = of(Stable, &bench.old, 2);
    bench.runs(&spec, &mark(1)).await?;
    let before = bench.side(Stable).await?;
    for _ in 0..3 {
        bench.applied(&spec, &mark(1)).await?;
        bench.serves(Stable, 2).await?;
        bench.promise.same("the side after the same again", &bench.side(Stable).await?, &before)?;
    }
    Ok(())
}

/// Ready are only replicas of the side's own revision.
///
/// # Errors
/// [`Broken`] when the old revision's replicas are counted as the new one's.
pub async fn ready_counts_only_the_sides_own_revision<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("ready_counts_only_the_sides_own_revision", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::ready_counts_only_the_sides_own_revision(&bench, all).await;
    }
    bench.runs(&of(Stable, &bench.old, 2), &mark(1)).await?;
    let spec = of(Stable, &bench.new, 2);
    bench.applied(&spec, &mark(2)).await?;
    let new = spec.revision.clone();
    let look = async |seen: &shepherd_core::model::TrackState| {
        let serving = bench.serving(Stable).await?;
        let truly: u32 =
            serving.iter().filter(|(revision, _)| *revision == new).map(|(_, count)| count).sum();
        let more = format_args!("{} of {new} are said to be ready where {serving:?} serve", seen.ready);
        bench.promise.holds(seen.ready_of(&new).get() <= truly, more)
    };
    bench.ready_while(&spec, look).await
}

/// Zero replicas end what serves there.
///
/// # Errors
/// [`Broken`] when something goes on serving.
pub async fn zero_replicas_retire_the_side<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("zero_replicas_retire_the_side", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::zero_replicas_retire_the_side(&bench, all).await;
    }
    bench.runs(&of(Candidate, &bench.new, 2), &mark(1)).await?;
    bench.runs(&of(Candidate, &bench.new, 0), &mark(2)).await?;
    bench.promise.same("how many are meant to run", &bench.side(Candidate).await?.desired, &Replicas::ZERO)
}

/// What is done to one side leaves the other as it is.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn sides_are_independent<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("sides_are_independent", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::sides_are_independent(&bench, all).await;
    }
    bench.runs(&of(Stable, &bench.old, 2), &mark(1)).await?;
    let before = bench.side(Stable).await?;
    for (replicas, generation) in [(1, 2), (3, 3), (0, 4)] {
        bench.runs(&of(Candidate, &bench.new, replicas), &mark(generation)).await?;
        bench.serves(Stable, 2).await?;
        bench.promise.same("the other side", &bench.side(Stable).await?, &before)?;
    }
    Ok(())
}

/// Scaling down ends replicas that are not ready before those that are.
///
/// # Errors
/// [`Broken`] when what is to remain is not ready all the time.
pub async fn scaling_down_keeps_the_rest_ready<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("scaling_down_keeps_the_rest_ready", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::scaling_down_keeps_the_rest_ready(&bench, all).await;
    }
    let two = of(Stable, &bench.old, 2);
    bench.runs(&two, &mark(1)).await?;
    bench.applied(&of(Stable, &bench.old, 4), &mark(2)).await?;
    bench.applied(&two, &mark(3)).await?;
    bench.ready_while(&two, async |_| bench.serves(Stable, 2).await).await?;
    bench.serves(Stable, 2).await
}

/// When the revision of a side changes, replicas of the new one are ready before those of the old one end.
///
/// # Errors
/// [`Broken`] when fewer than all but one serve, or none.
pub async fn a_new_revision_keeps_the_side_serving<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_new_revision_keeps_the_side_serving", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::a_new_revision_keeps_the_side_serving(&bench, all).await;
    }
    for (replicas, least, generation) in [(1, 1, 1), (3, 2, 3)] {
        bench.runs(&of(Stable, &bench.old, replicas), &mark(generation)).await?;
        let spec = of(Stable, &bench.new, replicas);
        bench.applied(&spec, &mark(generation + 1)).await?;
        bench.ready_while(&spec, async |_| bench.serves(Stable, least).await).await?;
    }
    Ok(())
}

/// A revision that cannot start says why, and ends nothing that serves; one that can is never called failing.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn a_failing_revision_says_why<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_failing_revision_says_why", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::a_failing_revision_says_why(&bench, all).await;
    }
    let good = of(Stable, &bench.old, 2);
    bench.applied(&good, &mark(1)).await?;
    let well = async |seen: &shepherd_core::model::TrackState| {
        let reason = format_args!("a revision that can start is called failing: {:?}", failing(seen));
        bench.promise.holds(failing(seen).is_none(), reason)
    };
    bench.ready_while(&good, well).await?;
    let Some(bad) = fixture.failing() else { return Ok(()) };
    bench.applied(&of(Stable, &bad, 2), &mark(2)).await?;
    bench
        .promise
        .until("a reason for failing", async || {
            bench.serves(Stable, 1).await?;
            let seen = bench.side(Stable).await?;
            bench.promise.same("what is ready of it", &seen.ready_of(&bad), &Replicas::ZERO)?;
            Ok(failing(&seen).is_some_and(|reason| !reason.as_str().trim().is_empty()))
        })
        .await?;
    bench.runs(&good, &mark(3)).await?;
    well(&bench.side(Stable).await?).await
}

/// What one workload wrote another one on the same backend observes.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn another_workload_observes_the_same<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("another_workload_observes_the_same", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::another_workload_observes_the_same(&bench, all).await;
    }
    bench.runs(&of(Stable, &bench.old, 2), &mark(1)).await?;
    bench.runs(&of(Candidate, &bench.new, 1), &mark(2)).await?;
    let (seen, another) = (bench.observed().await?, bench.another().await?);
    let there = bench.promise.done("observe", || another.observe()).await?;
    bench.promise.same("what another workload observes", &there, &seen)
}

/// Which side is stable stays so for all of a rollout, whoever owns it.
///
/// # Errors
/// [`Broken`] when the sides change places.
pub async fn sides_stay_through_a_rollout<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::open("sides_stay_through_a_rollout", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::sides_stay_through_a_rollout(bench, all).await;
    }
    bench.claimed(&fence(1, 1)).await?;
    bench.runs(&of(Stable, &bench.old, 1), &mark(1)).await?;
    bench.runs(&of(Candidate, &bench.new, 2), &mark(2)).await?;
    bench.workload = bench.another().await?;
    bench.claimed(&fence(1, 2)).await?;
    let seen = bench.observed().await?;
    let sides = (meant(&seen.stable), meant(&seen.candidate));
    let were = ((Some(bench.old.clone()), Replicas::new(1)), (Some(bench.new.clone()), Replicas::new(2)));
    bench.promise.same("the sides after the next owner's claim", &sides, &were)
}
