//! The same promises where both sides live in one object of so many replicas: what one side gains the other one loses.

use shepherd_core::model::{Fence, Replicas, Track, TrackState, WorkloadState};
use shepherd_core::ports::Workload;

use super::WorkloadFixture;
use super::bench::{Bench, failing, mark, meant, of, total};
use crate::conformance::Broken;
use crate::conformance::words::{fence, on};

use Track::{Candidate, Stable};

impl<F: WorkloadFixture> Bench<'_, F> {
    /// How many replicas both sides have together; none where each has its own.
    pub(super) fn shared(&self) -> Option<u32> {
        self.fixture.in_place().map(Replicas::get)
    }

    /// Where both sides share their replicas, asks stable for so many fewer that the candidate can have them.
    pub(super) async fn room(&self, candidate: u32) -> Result<(), Broken> {
        self.room_by(&fence(1, 1), candidate).await
    }

    pub(super) async fn room_by(&self, owner: &Fence, candidate: u32) -> Result<(), Broken> {
        let Some(all) = self.shared() else { return Ok(()) };
        self.applied(&of(Stable, &self.old, all - candidate), &on(owner, 1)).await
    }

    /// Asks for so many of the candidate and all others of stable, first the side that loses some.
    async fn asked(&self, all: u32, candidate: u32, generation: u64) -> Result<(), Broken> {
        let grows = self.side(Candidate).await?.desired.get() < candidate;
        let mut specs = [of(Stable, &self.old, all - candidate), of(Candidate, &self.new, candidate)];
        if !grows {
            specs.reverse();
        }
        for spec in &specs {
            self.applied(spec, &mark(generation)).await?;
        }
        Ok(())
    }

    /// Both have so many, ready and serving, and are looked at meanwhile.
    async fn stands_while(
        &self,
        all: u32,
        candidate: u32,
        mut look: impl AsyncFnMut(&WorkloadState) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        let what = format!("{} replicas of {} and {candidate} of {}", all - candidate, self.old, self.new);
        self.promise
            .until(&what, async || {
                let seen = self.observed().await?;
                look(&seen).await?;
                let ready = (seen.stable.ready_of(&self.old).get(), seen.candidate.ready_of(&self.new).get());
                let serving = (total(&self.serving(Stable).await?), total(&self.serving(Candidate).await?));
                Ok(ready == (all - candidate, candidate) && serving == ready)
            })
            .await
    }

    async fn runs_beside(&self, all: u32, candidate: u32, generation: u64) -> Result<(), Broken> {
        self.asked(all, candidate, generation).await?;
        self.stands_while(all, candidate, async |_| Ok(())).await
    }

    /// No more than one replica is missing.
    async fn both_serve(&self, all: u32) -> Result<(), Broken> {
        let (stable, candidate) = (self.serving(Stable).await?, self.serving(Candidate).await?);
        let few = format_args!("{stable:?} and {candidate:?} served where {all} shall");
        self.promise.holds(total(&stable) + total(&candidate) + 1 >= all, few)
    }
}

pub(super) async fn apply_reads_back<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    let specs = [
        of(Stable, &bench.old, all - 1),
        of(Candidate, &bench.new, 1),
        of(Stable, &bench.old, all - 2),
        of(Candidate, &bench.new, 2),
    ];
    for (spec, generation) in specs.into_iter().zip(1..) {
        bench.applied(&spec, &mark(generation)).await?;
        let seen = bench.side(spec.track).await?;
        bench.promise.same("what is meant to run", &meant(&seen), &(Some(spec.revision), spec.replicas))?;
    }
    Ok(())
}

pub(super) async fn replicas_become_ready<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    for (candidate, generation) in (1..=all).zip(1..) {
        bench.runs_beside(all, candidate, generation).await?;
    }
    Ok(())
}

pub(super) async fn apply_is_idempotent<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    bench.runs_beside(all, 1, 1).await?;
    let before = bench.observed().await?;
    for _ in 0..3 {
        bench.asked(all, 1, 1).await?;
        bench.serves(Stable, all - 1).await?;
        bench.serves(Candidate, 1).await?;
        bench.promise.same("both sides after the same again", &bench.observed().await?, &before)?;
    }
    Ok(())
}

pub(super) async fn ready_counts_only_the_sides_own_revision<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    // What grows is compared with what serves after the look, what shrinks with what served before it.
    let mut before = bench.serving(Stable).await?;
    let mut look = async |seen: &WorkloadState| {
        let after = bench.serving(Candidate).await?;
        for (side, truly) in [(&seen.stable, &before), (&seen.candidate, &after)] {
            let more = format_args!("{} are said to be ready where {truly:?} serve", side.ready);
            bench.promise.holds(side.ready.get() <= total(truly), more)?;
        }
        before = bench.serving(Stable).await?;
        Ok(())
    };
    for (candidate, generation) in (1..=all).zip(1..) {
        bench.asked(all, candidate, generation).await?;
        bench.stands_while(all, candidate, &mut look).await?;
    }
    Ok(())
}

pub(super) async fn zero_replicas_retire_the_side<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    bench.runs_beside(all, 2, 1).await?;
    bench.runs_beside(all, 0, 2).await?;
    bench.promise.same(
        "how many are meant to run",
        &bench.side(Candidate).await?.desired,
        &Replicas::ZERO,
    )?;
    // And so it is with the other side.
    bench.runs_beside(all, all, 3).await?;
    bench.promise.same("how many are meant to run", &bench.side(Stable).await?.desired, &Replicas::ZERO)
}

/// One side cannot gain what the other one keeps; but what the other one was asked to be stays, and so does its mark.
pub(super) async fn sides_are_independent<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    bench.room(2).await?;
    let before = bench.side(Stable).await?;
    for (replicas, generation) in [(1, 2), (2, 3), (1, 4), (0, 5)] {
        bench.applied(&of(Candidate, &bench.new, replicas), &mark(generation)).await?;
        let (seen, asked) = (bench.side(Stable).await?, (meant(&before), before.mark.clone()));
        bench.promise.same("what the other side was asked to be", &(meant(&seen), seen.mark), &asked)?;
        bench.both_serve(all - 1).await?;
    }
    Ok(())
}

pub(super) async fn scaling_down_keeps_the_rest_ready<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    bench.runs_beside(all, 2, 1).await?;
    bench.asked(all, 1, 2).await?;
    let look = async |_: &WorkloadState| {
        bench.serves(Candidate, 1).await?;
        bench.both_serve(all).await
    };
    bench.stands_while(all, 1, look).await
}

pub(super) async fn a_new_revision_keeps_the_side_serving<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    for (candidate, generation) in (1..=all).zip(1..) {
        bench.asked(all, candidate, generation).await?;
        bench.stands_while(all, candidate, async |_| bench.both_serve(all).await).await?;
    }
    Ok(())
}

pub(super) async fn a_failing_revision_says_why<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    let well = async |seen: &WorkloadState| {
        for side in [&seen.stable, &seen.candidate] {
            let reason = format_args!("a revision that can start is called failing: {:?}", failing(side));
            bench.promise.holds(failing(side).is_none(), reason)?;
        }
        Ok(())
    };
    bench.asked(all, 1, 1).await?;
    bench.stands_while(all, 1, well).await?;
    bench.runs_beside(all, 0, 2).await?;
    let Some(bad) = bench.fixture.failing() else { return Ok(()) };
    bench.applied(&of(Stable, &bench.old, all - 1), &mark(3)).await?;
    bench.applied(&of(Candidate, &bad, 1), &mark(4)).await?;
    let says = |seen: &TrackState| failing(seen).is_some_and(|reason| !reason.as_str().trim().is_empty());
    bench
        .promise
        .until("a reason for failing", async || {
            bench.serves(Stable, all - 1).await?;
            let seen = bench.side(Candidate).await?;
            bench.promise.same("what is ready of it", &seen.ready_of(&bad), &Replicas::ZERO)?;
            Ok(says(&seen))
        })
        .await?;
    bench.applied(&of(Candidate, &bad, 0), &mark(5)).await?;
    bench.applied(&of(Stable, &bench.old, all), &mark(6)).await?;
    let whole = of(Stable, &bench.old, all);
    bench.ready_while(&whole, async |_| bench.serves(Stable, all - 1).await).await?;
    well(&bench.observed().await?).await
}

pub(super) async fn another_workload_observes_the_same<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    bench.runs_beside(all, 1, 1).await?;
    let (seen, another) = (bench.observed().await?, bench.another().await?);
    let there = bench.promise.done("observe", || another.observe()).await?;
    bench.promise.same("what another workload observes", &there, &seen)
}

pub(super) async fn sides_stay_through_a_rollout<F: WorkloadFixture>(
    mut bench: Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    bench.claimed(&fence(1, 1)).await?;
    for (candidate, epoch) in [(1, 2), (all, 3)] {
        for spec in [of(Stable, &bench.old, all - candidate), of(Candidate, &bench.new, candidate)] {
            bench.applied(&spec, &on(&fence(1, epoch - 1), epoch)).await?;
        }
        bench.stands_while(all, candidate, async |_| Ok(())).await?;
        bench.workload = bench.another().await?;
        bench.claimed(&fence(1, epoch)).await?;
        let seen = bench.observed().await?;
        let sides = (meant(&seen.stable), meant(&seen.candidate));
        let stable = (Some(bench.old.clone()), Replicas::new(all - candidate));
        let were = (stable, (Some(bench.new.clone()), Replicas::new(candidate)));
        bench.promise.same("the sides after the next owner's claim", &sides, &were)?;
    }
    Ok(())
}

pub(super) async fn claim_stamps_its_owner_and_keeps_what_runs<F: WorkloadFixture>(
    bench: &Bench<'_, F>,
    all: u32,
) -> Result<(), Broken> {
    bench.runs_beside(all, 1, 1).await?;
    bench.claimed(&fence(1, 2)).await?;
    let claimed = on(&fence(1, 2), 1);
    for spec in [of(Stable, &bench.old, all - 1), of(Candidate, &bench.new, 1)] {
        bench.serves(spec.track, spec.replicas.get()).await?;
        bench.reads(&spec, &claimed).await?;
    }
    Ok(())
}
