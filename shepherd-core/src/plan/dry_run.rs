use std::fmt;
use std::time::Duration;

use super::way_back::WayBack;
use super::{Action, Drift, Mode, OnFailure, Plan, Stage, Unattended};
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

    /// How long users may go on meeting the candidate after a trigger: reckoned for the stage where the way back takes
    /// longest. It adds up
    ///
    /// - one call that gets no answer and is made again:
    ///   [`Attention::call_timeout`](super::Attention::call_timeout) and a pause of a tenth of a beat, at most 1 s;
    /// - for each batch of stable's replicas that has to come back first,
    ///   [`Recovery::ready_within`](super::Recovery::ready_within) and the same pause until it is seen;
    /// - with a router, its [`settle`](crate::model::RouterCapabilities::settle) time.
    ///
    /// All other calls are taken to be answered at once. What comes before the trigger is not in it
    /// ([`slowest_guard`](Self::slowest_guard)), nor the drain behind a router: no new request meets the candidate by
    /// then. Nothing bounds how long a backend refuses, or how long it has no room for replicas: it is tried again and
    /// again, with an alarm at each [`Recovery::deadline`](super::Recovery::deadline).
    pub fn worst_way_back(self) -> Duration {
        WayBack::worst_of(self.plan).time()
    }

    /// How long after its condition came true the slowest of the guards that roll back has fired, while it has data at
    /// each beat; none without such a guard.
    pub fn slowest_guard(self) -> Option<Duration> {
        let guards = self.plan.guards().iter().filter(|guard| guard.action() == GuardAction::RollBack);
        guards.map(|guard| self.fires_within(guard)).max()
    }

    fn fires_within(self, guard: &Guard) -> Duration {
        guard.condition().fires_within(self.plan.attention().beat)
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
            writeln!(f, "  - {}{}", guard.condition(), self.conditions(guard))?;
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
        match attention.drift {
            Drift::PutBack if plan.mode().routed() => {
                writeln!(f, "  - what somebody else changes of the routing is put back")?;
            }
            Drift::Pause if plan.mode().routed() => {
                writeln!(f, "  - whatever somebody else changes of the routing pauses it")?;
            }
            _ => {}
        }
        writeln!(f, "  - a stage that fails or takes too long; a person (abort, roll back)")
    }

    fn conditions(self, guard: &Guard) -> String {
        let mut text = format!(" (fires within {})", show(self.fires_within(guard)));
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
        write!(f, "\nthe way back\n{}", WayBack::worst_of(self.plan))
    }
}
