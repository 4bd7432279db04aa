//! Who may write. Each promise holds where marks are held; where they cannot be, what is asked must be done.

use shepherd_core::model::{FailureKind, Mark, Track};
use shepherd_core::ports::{PortError, Workload};

use super::WorkloadFixture;
use super::bench::{Bench, mark, meant, of};
use super::in_place;
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};
use crate::conformance::words::{fence, off, on, revision};

use Track::{Candidate, Stable};

/// The mark of the last write to a side is observed whole; a backend that cannot hold marks shows none.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn marks_read_back<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("marks_read_back", fixture).await?;
    bench.room(1).await?;
    for mark in [mark(1), off(&fence(1, 1), 2)] {
        bench.applied(&of(Candidate, &bench.new, 1), &mark).await?;
        let seen = bench.side(Candidate).await?.mark;
        bench.promise.same("the mark observed", &seen, &bench.held(&mark))?;
    }
    Ok(())
}

/// A claim stamps its owner on both sides, and changes nothing that runs.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn claim_stamps_its_owner_and_keeps_what_runs<F: WorkloadFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("claim_stamps_its_owner_and_keeps_what_runs", fixture).await?;
    if let Some(all) = bench.shared() {
        return in_place::claim_stamps_its_owner_and_keeps_what_runs(&bench, all).await;
    }
    let specs = [of(Stable, &bench.old, 2), of(Candidate, &bench.new, 1)];
    for spec in &specs {
        bench.runs(spec, &mark(1)).await?;
    }
    bench.claimed(&fence(1, 2)).await?;
    let claimed = bench.promise.ok("claiming", Mark::claimed(Some(&mark(1)), &fence(1, 2)))?;
    for spec in &specs {
        bench.serves(spec.track, spec.replicas.get()).await?;
        bench.reads(spec, &claimed).await?;
    }
    Ok(())
}

/// After a later owner's claim an older one cannot claim.
///
/// # Errors
/// [`Broken`] when it can.
pub async fn an_older_owner_cannot_claim<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_older_owner_cannot_claim", fixture).await?;
    bench.applied(&of(Stable, &bench.old, 1), &mark(1)).await?;
    bench.claimed(&fence(1, 2)).await?;
    if !fixture.holds_marks() {
        return bench.claimed(&fence(1, 1)).await;
    }
    let late = fence(1, 1);
    let claim = || bench.workload.claim(&late);
    bench.promise.refused("an older owner's claim", FailureKind::Fenced, claim).await
}

/// After a later owner's claim an older one changes nothing, neither up nor down.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn an_older_owner_changes_nothing<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_older_owner_changes_nothing", fixture).await?;
    bench.applied(&of(Stable, &bench.old, 2), &mark(1)).await?;
    bench.claimed(&fence(1, 2)).await?;
    for replicas in [3, 1, 0] {
        let late = of(Stable, &bench.old, replicas);
        bench.is_fenced_off("an older owner's scaling", &late, &mark(9)).await?;
    }
    bench.is_fenced_off("an older owner's off", &of(Stable, &bench.old, 1), &off(&fence(1, 1), 9)).await
}

/// A later owner of the same rollout goes on with it.
///
/// # Errors
/// [`Broken`] when it is refused.
pub async fn a_later_owner_goes_on<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_later_owner_goes_on", fixture).await?;
    bench.room(2).await?;
    bench.applied(&of(Candidate, &bench.new, 1), &mark(1)).await?;
    bench.claimed(&fence(1, 2)).await?;
    bench.writes(&of(Candidate, &bench.new, 2), &on(&fence(1, 2), 2)).await
}

/// Once a side was marked off no write of that rollout marks it on again, while those that take it back go through.
///
/// # Errors
/// [`Broken`] when one does.
pub async fn a_deploy_after_off_is_refused<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_deploy_after_off_is_refused", fixture).await?;
    bench.room(2).await?;
    bench.applied(&of(Candidate, &bench.new, 2), &off(&fence(1, 1), 2)).await?;
    bench.is_fenced_off("a deploy after off", &of(Candidate, &bench.new, 3), &mark(3)).await?;
    bench.writes(&of(Candidate, &bench.new, 0), &off(&fence(1, 1), 4)).await
}

/// A new rollout may deploy after an old one was taken off.
///
/// # Errors
/// [`Broken`] when it may not.
pub async fn a_new_rollout_may_deploy_after_an_old_ones_off<F: WorkloadFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_new_rollout_may_deploy_after_an_old_ones_off", fixture).await?;
    bench.applied(&of(Candidate, &bench.old, 0), &off(&fence(1, 1), 9)).await?;
    bench.claimed(&fence(2, 2)).await?;
    bench.room_by(&fence(2, 2), 1).await?;
    bench.writes(&of(Candidate, &bench.new, 1), &on(&fence(2, 2), 1)).await
}

/// A late write of an earlier decision is refused.
///
/// # Errors
/// [`Broken`] when it is not.
pub async fn a_late_decision_is_refused<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_late_decision_is_refused", fixture).await?;
    bench.room(2).await?;
    bench.applied(&of(Candidate, &bench.new, 2), &mark(4)).await?;
    bench.is_fenced_off("a late decision", &of(Candidate, &bench.new, 1), &mark(3)).await
}

/// A revision that [`TrackSpec::may_replace`](shepherd_core::model::TrackSpec::may_replace) refuses to replace stays;
/// what is of the revision that is asked for goes through.
///
/// # Errors
/// [`Broken`] when it is replaced, or when the same revision is refused.
pub async fn what_the_rollout_does_not_know_of_is_not_replaced<F: WorkloadFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("what_the_rollout_does_not_know_of_is_not_replaced", fixture).await?;
    bench.room(2).await?;
    bench.applied(&of(Candidate, &bench.new, 1), &mark(2)).await?;
    let known = [bench.old.clone()];
    let another = of(Candidate, &revision(9), 1).replacing(known.clone());
    bench.is_refused("another revision", FailureKind::Conflict, &another, &mark(3)).await?;
    bench.writes(&of(Candidate, &bench.new, 2).replacing(known), &mark(4)).await?;
    if bench.shared().is_none() {
        bench.applied(&of(Stable, &bench.old, 1), &mark(5)).await?;
    }
    let another = of(Stable, &revision(9), 1).replacing([bench.new.clone()]);
    bench.is_refused("another revision of stable", FailureKind::Conflict, &another, &mark(6)).await
}

/// The same decision again is let through.
///
/// # Errors
/// [`Broken`] when it is refused.
pub async fn the_same_decision_again_is_accepted<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("the_same_decision_again_is_accepted", fixture).await?;
    bench.room(2).await?;
    let spec = of(Candidate, &bench.new, 2);
    bench.writes(&spec, &mark(4)).await?;
    bench.claimed(&fence(1, 1)).await?;
    bench.writes(&spec, &mark(4)).await
}

/// An apply that is dropped at any await has happened or not, and the same call again completes it.
///
/// # Errors
/// [`Broken`] when half of it is left, or the same call again does not complete it.
pub async fn a_dropped_apply_is_completed_by_the_same_call<F: WorkloadFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_apply_is_completed_by_the_same_call", fixture).await?;
    bench.room(2).await?;
    // In place no revision can be on both sides.
    let one = of(Candidate, if bench.shared().is_some() { &bench.new } else { &bench.old }, 1);
    let two = of(Candidate, &bench.new, 2);
    let mut before = (one.clone(), mark(1));
    bench.writes(&before.0, &before.1).await?;
    for (polls, generation) in (1..=MOST_POLLS).zip(2..) {
        let next = (if before.0 == one { two.clone() } else { one.clone() }, mark(generation));
        let answer = cut(polls, bench.workload.apply(&next.0, &next.1)).await;
        let seen = bench.side(Candidate).await?;
        let is = |(spec, mark): &(shepherd_core::model::TrackSpec, Mark)| {
            meant(&seen) == (Some(spec.revision.clone()), spec.replicas) && seen.mark == bench.held(mark)
        };
        bench.promise.holds(is(&before) || is(&next), format_args!("{seen:?} is left of a dropped apply"))?;
        bench.writes(&next.0, &next.1).await?;
        if answer.is_some() {
            break;
        }
        before = next;
    }
    Ok(())
}

/// A claim that is dropped at any await changes nothing that runs, and the same call again completes it.
///
/// # Errors
/// [`Broken`] when it does not.
pub async fn a_dropped_claim_is_completed_by_the_same_call<F: WorkloadFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_claim_is_completed_by_the_same_call", fixture).await?;
    let spec = of(Stable, &bench.old, 1);
    let mut held = mark(1);
    bench.writes(&spec, &held).await?;
    for (polls, epoch) in (1..=MOST_POLLS).zip(2..) {
        let claimed = bench.promise.ok("claiming", Mark::claimed(Some(&held), &fence(1, epoch)))?;
        let answer = cut(polls, bench.workload.claim(&claimed.fence)).await;
        let seen = bench.side(Stable).await?.mark;
        let whole = seen == bench.held(&held) || seen == bench.held(&claimed);
        bench.promise.holds(whole, format_args!("{seen:?} is left of a dropped claim"))?;
        bench.claimed(&claimed.fence).await?;
        bench.reads(&spec, &claimed).await?;
        if answer.is_some() {
            break;
        }
        held = claimed;
    }
    Ok(())
}

/// Of specs that are applied at the same time one is left, whole; where marks are held it is the newest decision.
///
/// # Errors
/// [`Broken`] when parts of two are left, or a newer decision is lost.
pub async fn concurrent_applies_leave_one_spec_whole<F: WorkloadFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("concurrent_applies_leave_one_spec_whole", fixture).await?;
    let another = bench.another().await?;
    bench.room(2).await?;
    let one = of(Candidate, if bench.shared().is_some() { &bench.new } else { &bench.old }, 1);
    for round in 0..4 {
        let older = (one.clone(), mark(2 * round + 1));
        let newer = (of(Candidate, &bench.new, 2), mark(2 * round + 2));
        let (first, second) = if round % 2 == 0 { (&newer, &older) } else { (&older, &newer) };
        let (one, other) = tokio::join!(
            bench.promise.settled(|| bench.workload.apply(&first.0, &first.1)),
            bench.promise.settled(|| another.apply(&second.0, &second.1)),
        );
        accepted_or_fenced(&bench, one)?;
        accepted_or_fenced(&bench, other)?;
        let newest = bench.reads(&newer.0, &newer.1).await;
        if fixture.holds_marks() || newest.is_ok() {
            newest?;
        } else {
            bench.reads(&older.0, &older.1).await?;
        }
    }
    Ok(())
}

fn accepted_or_fenced<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    answer: Result<(), PortError>,
) -> Result<(), Broken> {
    match answer {
        Err(error) if bench.fixture.holds_marks() && error.kind() == FailureKind::Fenced => Ok(()),
        answer => bench.promise.ok("one of two applies at the same time", answer),
    }
}
