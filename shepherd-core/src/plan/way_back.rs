use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use super::put_back::{PutBack, Sides};
use super::{Action, Headroom, Plan, Promotion};
use crate::model::human_duration::show;
use crate::model::{Replicas, StageIndex, Track};

/// The way back from the stage where it takes longest, reckoned from the plan alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct WayBack<'a> {
    plan: &'a Plan,
    /// The first stage from which it takes that long.
    stage: StageIndex,
    /// How many replicas of stable have to come back, at most.
    missing: Replicas,
    /// How many times they are waited for.
    batches: u32,
}

impl<'a> WayBack<'a> {
    pub(super) fn worst_of(plan: &'a Plan) -> Self {
        let start = Self { plan, stage: StageIndex::FIRST, missing: Replicas::ZERO, batches: 0 };
        Moment::all_of(plan).fold(start, |worst, moment| {
            let (batches, missing) = (moment.batches(plan), moment.missing(plan));
            match batches.cmp(&worst.batches) {
                Ordering::Less => worst,
                Ordering::Equal => Self { missing: missing.max(worst.missing), ..worst },
                Ordering::Greater => Self { plan, stage: moment.stage, missing, batches },
            }
        })
    }

    /// How long it takes: a call that is lost and made again, and each batch until it is seen to be ready.
    pub(super) fn time(self) -> Duration {
        let attention = self.plan.attention();
        let lost = attention.call_timeout.saturating_add(attention.poll());
        let batch = self.plan.recovery().ready_within.saturating_add(attention.poll());
        let settle = self.plan.router().map(|router| router.settle).unwrap_or_default();
        lost.saturating_add(batch.saturating_mul(self.batches)).saturating_add(settle)
    }

    fn by_router(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = show(self.plan.attention().call_timeout);
        let promoting = self.batches == 0 || self.stage == self.plan.promote_stage();
        let until = if promoting { "the promotion" } else { self.stage_name() };
        writeln!(f, "  - until {until}: one routing write, repeated when it is not answered within {write}")?;
        if self.batches == 0 {
            return writeln!(f, "  - the old replicas stay warm until the promotion");
        }
        let stable = self.plan.stable();
        writeln!(
            f,
            "  - worst {}: {stable} is put back on stable and traffic follows as its replicas become ready, {}",
            self.when(),
            self.how_long("they are")
        )
    }

    fn by_replicas(self, f: &mut fmt::Formatter<'_>, headroom: Headroom) -> fmt::Result {
        let Headroom { surge, unavailable } = headroom;
        writeln!(
            f,
            "  - no traffic can be taken off: replicas are put back, at most {surge} more and {unavailable} fewer at a \
             time"
        )?;
        if self.batches == 0 {
            let write = show(self.plan.attention().call_timeout);
            return writeln!(
                f,
                "  - until the promotion: the new ones end by one write, repeated when it is not answered within {write}"
            );
        }
        let batches =
            if self.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", self.batches) };
        let (when, what, each) =
            (self.when(), self.what(), if self.missing.get() == 1 { "it is" } else { "each is" });
        writeln!(f, "  - worst {when}: {what} put back in {batches}, {}", self.how_long(each))
    }

    fn when(self) -> String {
        if self.stage == self.plan.promote_stage() {
            "while promoting".to_owned()
        } else {
            format!("from {} to the promotion", self.stage_name())
        }
    }

    fn what(self) -> String {
        match (self.missing.get(), self.plan.replicas().get()) {
            (1, 1) => "the replica is".to_owned(),
            (missing, all) if missing == all => format!("all {all} replicas are"),
            (1, all) => format!("1 of {all} replicas is"),
            (missing, all) => format!("{missing} of {all} replicas are"),
        }
    }

    fn how_long(self, each: &str) -> String {
        let (time, deadline) = (self.time(), self.plan.recovery().deadline);
        let ready = show(self.plan.recovery().ready_within);
        let alarm = if time > deadline { "; the alarm comes before that, after" } else { "; alarm after" };
        format!("about {} if {each} ready within {ready}{alarm} {}", show(rounded(time)), show(deadline))
    }

    fn stage_name(self) -> &'a str {
        self.plan.stage(self.stage).map(|stage| stage.name().as_str()).unwrap_or_default()
    }
}

impl fmt::Display for WayBack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.plan.mode().headroom() {
            None => self.by_router(f),
            Some(headroom) => self.by_replicas(f, headroom),
        }
    }
}

/// What a stage leaves behind when it is through; of a promotion by copy, what a trigger finds while it is under way.
/// Replicas that are not ready yet make no way back longer: they serve nobody and end first.
#[derive(Debug, Clone, Copy)]
struct Moment {
    stage: StageIndex,
    wanted: Sides,
    /// Stable runs the candidate's revision.
    overwritten: bool,
}

impl Moment {
    fn all_of(plan: &Plan) -> impl Iterator<Item = Moment> {
        let mut wanted = Sides { stable: plan.replicas(), candidate: Replicas::ZERO };
        let stages = plan.stages().iter().take(usize::from(plan.promote_stage()) + 1).enumerate();
        stages.map(move |(place, one)| {
            match one.action() {
                Action::Scale { track: Track::Stable, replicas } => wanted.stable = *replicas,
                Action::Scale { track: Track::Candidate, replicas } => wanted.candidate = *replicas,
                _ => {}
            }
            let overwritten = matches!(one.action(), Action::Promote) && plan.promotion() == Promotion::Copy;
            if overwritten {
                wanted.stable = plan.replicas();
            }
            Moment { stage: StageIndex::at(place), wanted, overwritten }
        })
    }

    fn missing(self, plan: &Plan) -> Replicas {
        let kept = if self.overwritten { 0 } else { self.wanted.stable.get() };
        plan.replicas().get().saturating_sub(kept).into()
    }

    fn batches(self, plan: &Plan) -> u32 {
        let Some(headroom) = plan.mode().headroom() else {
            return u32::from(self.missing(plan) > Replicas::ZERO);
        };
        let stable = if self.overwritten { Replicas::ZERO } else { self.wanted.stable };
        PutBack { all: plan.replicas(), headroom }.batches(self.wanted, Sides { stable, ..self.wanted })
    }
}

/// Whole seconds are exact enough for people, unless it is less than one.
fn rounded(time: Duration) -> Duration {
    match (time.as_secs(), time.subsec_nanos()) {
        (0, _) | (_, 0) => time,
        (seconds, _) => Duration::from_secs(seconds.saturating_add(1)),
    }
}
