//! What is judged by: the invariants by their numbers, over what the machine was told and what it decides.

use shepherd_core::machine::{Answer, Command, Effect, Happening, Input, Machine, Outcome};
use shepherd_core::model::{
    Exposure, Replicas, Revision, Route, StageName, Track, Traffic, Verdict, WorkloadState,
};
use shepherd_core::plan::{Action, Plan, Promotion, Stage};

use super::super::trail::{needed, ready};
use super::Wrong;
use super::node::Told;
use super::outside::Outside;

/// What the properties remember of a path.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    /// What this process last saw of the replicas, and of the routing.
    pub(super) look: Option<WorkloadState>,
    pub(super) shown: Option<Exposure>,
    pub(super) marks: Marks,
    /// A person said not to wait.
    pub(super) forced: bool,
}

/// The part of it that decides about more than one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Marks {
    /// Users may have met the candidate.
    pub(super) raised: bool,
    /// Stable was overwritten, or made smaller.
    pub(super) touched: bool,
    /// It goes back.
    pub(super) back: bool,
    /// The gate passed while all users met the candidate.
    pub(super) passed: bool,
    /// A person passed over what only waits.
    pub(super) hurried: bool,
    /// Another revision is wanted next.
    pub(super) wanted: bool,
    /// How many replicas of the candidate were last asked for on the way back.
    pub(super) left: Option<Replicas>,
}

impl Witness {
    /// What a new process does not know.
    pub(super) fn dies(&mut self, back: bool) {
        (self.look, self.shown) = (None, None);
        // A wish that was not saved is lost with whoever was not answered.
        (self.marks.back, self.marks.wanted) = (back, false);
    }

    /// A gate passes now.
    pub(super) fn passes(&mut self, verdict: &Verdict, outside: &Outside) {
        self.marks.passed |= matches!(verdict, Verdict::Pass(_)) && outside.exposure.is_full();
    }

    /// A person's word was accepted.
    pub(super) fn obeys(&mut self, command: &Command) {
        match command {
            Command::Promote | Command::Skip => self.marks.hurried = true,
            Command::Supersede { .. } => self.marks.wanted = true,
            Command::Abort { .. } => self.marks.wanted = false,
            Command::RollBack { force, .. } => {
                self.marks.wanted = false;
                self.forced |= *force;
            }
            _ => {}
        }
    }

    /// Remembers what was seen, and says whether that was an off mark.
    pub(super) fn hears(&mut self, input: &Input) -> bool {
        match input {
            Input::Answered { answer: Answer::Workload(workload), .. } => {
                self.look = Some(workload.clone());
                false
            }
            Input::Answered { answer: Answer::Routing(routing), .. } => {
                // What the process before had decided has not come to anything, and never will.
                self.marks.raised &= self.shown.is_some() || !routing.exposure.is_off();
                self.shown = Some(routing.exposure.clone());
                routing.mark.as_ref().is_some_and(|mark| mark.traffic == Traffic::Off)
            }
            _ => false,
        }
    }

    /// What the machine decides, by what it had been told.
    pub(super) fn judge(&mut self, machine: &Machine, told: &Told) -> Result<(), Wrong> {
        let raised = self.marks.raised;
        let triggered = told.events.iter().any(|event| matches!(event.what, Happening::Triggered(_)));
        self.marks.back |= triggered;
        // Whoever is found to be promoted already has no way back.
        self.marks.back &= !told.events.iter().any(|event| matches!(event.what, Happening::CaughtUp(_)));
        if told.off && !self.marks.back && machine.outcome().is_none() {
            return Err("3: it finds itself off, and goes on".to_owned());
        }
        for event in &told.events {
            if let Happening::Completed(stage) = &event.what {
                self.completes(machine.plan(), stage)?;
            }
        }
        for effect in &told.fresh {
            self.leaves_enough(machine.plan(), effect)?;
            if self.marks.back {
                self.goes_back(machine.plan(), effect)?;
            } else {
                self.goes_forward(machine.plan(), effect)?;
            }
        }
        if triggered && raised && machine.outcome().is_none() {
            self.answers_the_trigger(machine.plan(), &told.fresh)?;
        }
        Ok(())
    }

    /// Nothing brings the candidate forward any more, be it by traffic or by replicas.
    fn goes_back(&self, plan: &Plan, effect: &Effect) -> Result<(), Wrong> {
        let grows = match effect {
            Effect::Route(route) => route.mark.traffic == Traffic::On,
            Effect::Deploy { mark, .. } if mark.traffic == Traffic::On => true,
            Effect::Deploy { spec, .. } if spec.track == Track::Stable => spec.revision != *plan.stable(),
            // What the process before this one decided it decided on a look of its own.
            Effect::Deploy { spec, .. } => {
                self.look.as_ref().is_some_and(|look| spec.replicas > look.candidate.desired)
            }
            _ => false,
        };
        if grows { Err(format!("3: {effect} on the way back")) } else { Ok(()) }
    }

    fn goes_forward(&mut self, plan: &Plan, effect: &Effect) -> Result<(), Wrong> {
        match effect {
            Effect::Route(route) => {
                self.marks.raised |= !route.exposure.is_off();
                Track::BOTH.into_iter().try_for_each(|track| self.has_capacity(plan, track, route))
            }
            Effect::Deploy { spec, .. } if spec.track == Track::Stable => {
                self.marks.touched |= spec.replicas < plan.replicas() || spec.revision != *plan.stable();
                let promotes = plan.mode().routed() && spec.revision == *plan.candidate();
                if promotes { self.may_promote(plan) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// What a stage is to make ready was seen to be ready when it is through.
    fn completes(&self, plan: &Plan, name: &StageName) -> Result<(), Wrong> {
        let stage = plan.stages().iter().find(|stage| stage.name() == name);
        let (track, revision, enough) = match stage.map(Stage::action) {
            Some(Action::Scale { track: Track::Candidate, replicas }) => {
                (Track::Candidate, plan.candidate(), *replicas)
            }
            Some(Action::Promote) if plan.promotion() == Promotion::Copy => {
                (Track::Stable, plan.candidate(), plan.replicas())
            }
            _ => return Ok(()),
        };
        let seen = self.look.as_ref().map(|look| ready(look, track, revision));
        if seen.is_none_or(|seen| seen < enough.get()) {
            return Err(format!("1: {name} is through with {seen:?} of {enough} ready"));
        }
        Ok(())
    }

    /// Where replicas are the weight, none that is ready goes before enough others are. But what a promotion has begun to
    /// overwrite is put back at once.
    fn leaves_enough(&mut self, plan: &Plan, effect: &Effect) -> Result<(), Wrong> {
        let (Effect::Deploy { spec, .. }, Some(look), Some(headroom)) =
            (effect, &self.look, plan.mode().headroom())
        else {
            return Ok(());
        };
        // What was decided on the way back is tried again until it is done.
        let again = self.marks.back
            && spec.track == Track::Candidate
            && self.marks.left.replace(spec.replicas) == Some(spec.replicas);
        let ready = Track::BOTH.map(|track| look.track(track).ready.get());
        let is = look.track(spec.track);
        let stays = if is.revision.as_ref() == Some(&spec.revision) {
            is.ready.min(spec.replicas).get()
        } else if self.marks.back {
            return Ok(());
        } else {
            0
        };
        let left = ready[0] + ready[1] - is.ready.get() + stays;
        let least = plan.replicas().get().saturating_sub(headroom.unavailable.get());
        if stays < is.ready.get() && left < least && !again && !self.forced {
            return Err(format!("1: {effect} leaves {left} ready replicas of {least}"));
        }
        Ok(())
    }

    fn has_capacity(&self, plan: &Plan, track: Track, route: &Route) -> Result<(), Wrong> {
        let enough = needed(plan, track, &route.exposure);
        let none = Exposure::OFF;
        let shown = self.shown.as_ref().unwrap_or(&none);
        let grows = enough > needed(plan, track, shown);
        let revision = match track {
            // Traffic returns to stable once stable runs the candidate's revision.
            Track::Stable if !route.exposure.is_off() => plan.stable(),
            _ => plan.candidate(),
        };
        let seen = self.look.as_ref().map(|look| ready(look, track, revision));
        if grows && seen.is_none_or(|ready| ready < enough) {
            return Err(format!("1: {} on {seen:?} of {track}, needs {enough}", route.exposure));
        }
        Ok(())
    }

    fn may_promote(&self, plan: &Plan) -> Result<(), Wrong> {
        let gated = plan.stages().iter().any(|stage| matches!(stage.action(), Action::Check(_)));
        if gated && !self.marks.passed && !self.marks.hurried {
            return Err("4: it is promoted past its gate".to_owned());
        }
        Ok(())
    }

    /// The next write takes the candidate off, but where the rollout has changed stable or stable has none ready. How far
    /// it has changed stable nobody knows before both looks.
    fn answers_the_trigger(&self, plan: &Plan, fresh: &[Effect]) -> Result<(), Wrong> {
        let off = fresh.iter().find_map(|effect| match effect {
            Effect::Route(route) => Some(route.exposure.is_off()),
            _ => None,
        });
        let none_ready =
            self.look.as_ref().is_some_and(|look| ready(look, Track::Stable, plan.stable()) == 0);
        let excused = self.marks.touched || none_ready;
        match off {
            Some(true) => Ok(()),
            Some(false) if excused => Ok(()),
            None if excused && (self.look.is_none() || self.shown.is_none()) => Ok(()),
            _ => Err(format!("3: {off:?} follows the trigger")),
        }
    }

    /// What an end must leave, for ever.
    pub(super) fn at_rest(&self, machine: &Machine, outside: &Outside) -> Result<(), Wrong> {
        let (plan, Some(outcome)) = (machine.plan(), machine.outcome()) else { return Ok(()) };
        match outcome {
            Outcome::Promoted(_) => {
                self.may_promote(plan)?;
                promoted(plan, outside)?;
            }
            Outcome::RolledBack(_) | Outcome::Aborted(_) => taken_back(plan, outside)?,
            _ => {}
        }
        let next = outcome.report().next.as_ref().map(|next| &next.revision);
        if self.marks.wanted && next != Some(&wished()) {
            return Err(format!("9: {next:?} is next"));
        }
        Ok(())
    }
}

/// The revision that people want instead.
pub(super) fn wished() -> Revision {
    super::super::generate::revision("v3")
}

fn taken_back(plan: &Plan, outside: &Outside) -> Result<(), Wrong> {
    if !outside.exposure.is_off() {
        return Err(format!("8: it was taken back, and {} is left", outside.exposure));
    }
    if !outside.runs(Track::Stable, plan.stable()) || outside.workload.stable.desired < plan.replicas() {
        return Err("8: it was taken back, and stable is not what it was".to_owned());
    }
    if outside.workload.candidate.desired > Replicas::ZERO {
        return Err("8: it was taken back, and the candidate runs".to_owned());
    }
    Ok(())
}

fn promoted(plan: &Plan, outside: &Outside) -> Result<(), Wrong> {
    let serves = if plan.promotion() == Promotion::Swap { Track::Candidate } else { Track::Stable };
    let full = !plan.mode().routed() || outside.exposure.is_full() == (serves == Track::Candidate);
    let whole = outside.workload.track(serves).desired >= plan.replicas();
    if !full || !whole || !outside.runs(serves, plan.candidate()) {
        return Err(format!("8: it was promoted, and {serves} does not serve it"));
    }
    Ok(())
}
