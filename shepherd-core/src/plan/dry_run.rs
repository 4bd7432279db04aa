use std::fmt;
use std::time::Duration;

use super::{Action, Headroom, Mode, OnFailure, Plan, Promotion, Stage, Unattended};
use crate::guard::{Blindness, Guard, GuardAction};
use crate::model::human_duration::show;
use crate::model::{Track, Weight};

/// What a person reads before pressing the button: the stages with the times they take at best, what takes the
/// rollout back, and what is the worst time to be back on stable. Print it.
#[derive(Debug, Clone, Copy)]
pub struct DryRun<'a> {
    plan: &'a Plan,
}

impl<'a> DryRun<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self { plan }
    }

    /// How long it takes at best: all bakes and drains, with everything else at once.
    pub fn shortest(self) -> Duration {
        self.plan.stages().iter().map(|stage| own_time(stage.action())).sum()
    }

    /// How long users may go on meeting a bad candidate after a trigger, at the worst moment, before the rollback
    /// raises the alarm. It goes on trying beyond that: nothing bounds how long a backend refuses.
    pub fn worst_way_back(self) -> Duration {
        match (self.plan.mode(), self.plan.promotion()) {
            (Mode::Split | Mode::Switch, Promotion::Swap) => self.plan.attention().call_timeout,
            _ => self.plan.recovery().deadline,
        }
    }

    fn head(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan;
        let means = match plan.mode() {
            Mode::Split => "traffic split by a router",
            Mode::Switch => "traffic switched by a router",
            Mode::Ratio(_) => "replicas are the weight",
            Mode::InPlace(_) => "replicas replaced in place",
        };
        let count = plan.replicas().get();
        let replicas = if count == 1 { "1 replica".to_owned() } else { format!("{count} replicas") };
        let (strategy, target, stable, candidate) =
            (plan.strategy(), plan.target(), plan.stable(), plan.candidate());
        writeln!(f, "{strategy} of {target}: {stable} -> {candidate}, {replicas}, {means}\n")
    }

    fn stages(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest =
            self.plan.stages().iter().map(|stage| stage.name().as_str().chars().count()).max().unwrap_or(0);
        writeln!(f, "  {:>8}  {:widest$}  what happens", "from", "stage")?;
        let mut at = Duration::ZERO;
        let promote = usize::from(self.plan.promote_stage());
        for (index, stage) in self.plan.stages().iter().enumerate() {
            write!(f, "  {:>8}  {:widest$}  {}", show(at), stage.name(), stage.action())?;
            f.write_str(&self.instead(stage))?;
            let otherwise = match stage.failure() {
                _ if index > promote => "raise the alarm",
                OnFailure::RollBack => "roll back",
                OnFailure::Pause => "ask a person",
            };
            match stage.deadline() {
                Some(deadline) => writeln!(f, " (within {}, else {otherwise})", show(deadline))?,
                None => writeln!(f, " (without a deadline)")?,
            }
            at += own_time(stage.action());
        }
        writeln!(f, "\n  takes at least {}", show(at))?;
        if let Some(time) = self.plan.watch_after() {
            writeln!(f, "  is watched for {} after it", show(time))?;
        }
        Ok(())
    }

    /// What the nearest possible weight truly is, where it is not the one that was asked for.
    fn instead(self, stage: &Stage) -> String {
        let Some(asked) = stage.asked() else { return String::new() };
        match stage.action() {
            Action::Scale { track: Track::Candidate, replicas } => {
                let weight = Weight::share_of(replicas.get(), self.plan.replicas().get());
                format!(": {weight} of the traffic, the nearest to the {asked} that was asked for")
            }
            Action::Bake(_) => format!("; {asked} was asked for, and is the same as the step before"),
            _ => format!(", the nearest to the {asked} that was asked for"),
        }
    }

    fn triggers(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan;
        writeln!(f, "\nwhat takes it back")?;
        for guard in plan.guards() {
            writeln!(f, "  - {}{}", guard.condition(), Self::conditions(guard))?;
        }
        if plan.guards().is_empty() {
            writeln!(f, "  - no guard: nobody watches what users get")?;
        }
        let attention = plan.attention();
        writeln!(
            f,
            "  - candidate replicas that fail, or are too few for their traffic for {}",
            show(attention.max_gap)
        )?;
        writeln!(f, "  - nothing to be seen of the outside for {}", show(attention.blind))?;
        let unattended = match attention.unattended {
            Unattended::Hold => "held for a person",
            Unattended::RollBack => "taken back",
        };
        writeln!(f, "  - unattended for {}: {unattended}", show(attention.unattended_after))?;
        writeln!(f, "  - a stage that fails or takes too long; a person (abort, roll back)")
    }

    fn conditions(guard: &Guard) -> String {
        let mut text = String::new();
        match guard.action() {
            GuardAction::Pause => text.push_str(": asks a person"),
            GuardAction::Tell => text.push_str(": only tells"),
            GuardAction::RollBack => {}
        }
        if !guard.stages().is_all() {
            text = text + ", " + &guard.stages().to_string();
        }
        if guard.is_relative() {
            text += ", not at 100% where stable has no traffic to compare with";
        }
        let no_data = guard.limit(Blindness::NoData);
        text + &format!("; no data for {}: {}", show(no_data.after), no_data.then)
    }

    fn way_back(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.plan;
        writeln!(f, "\nthe way back")?;
        let write = show(plan.attention().call_timeout);
        let deadline = show(plan.recovery().deadline);
        match plan.mode() {
            Mode::Split | Mode::Switch => {
                writeln!(
                    f,
                    "  - until the promotion: one routing write, repeated when it is not answered within {write}"
                )?;
                match plan.promotion() {
                    Promotion::Copy => writeln!(
                        f,
                        "  - worst while promoting: {} is put back on stable and traffic follows as its replicas become \
                         ready; alarm after {deadline}",
                        plan.stable()
                    ),
                    Promotion::Swap => writeln!(f, "  - the old replicas stay warm until the promotion"),
                }
            }
            Mode::Ratio(headroom) | Mode::InPlace(headroom) => {
                let Headroom { surge, unavailable } = headroom;
                let replicas = plan.replicas();
                writeln!(
                    f,
                    "  - no traffic can be taken off: replicas are put back, at most {surge} more and {unavailable} fewer \
                     at a time\n  - worst just before the promotion: all {replicas} are put back; alarm after {deadline}"
                )
            }
        }
    }
}

/// The time that an action takes even when everything else is at once.
fn own_time(action: &Action) -> Duration {
    match action {
        Action::Bake(time) | Action::Retire { drain: time, .. } => *time,
        _ => Duration::ZERO,
    }
}

impl fmt::Display for DryRun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        self.stages(f)?;
        self.triggers(f)?;
        self.way_back(f)
    }
}
