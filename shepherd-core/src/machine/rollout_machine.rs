use super::derived::Derived;
use super::event::Happening;
use super::outcome::{Outcome, Report};
use super::state::{Course, RecoveryRun, StageRun, State};
use super::{
    Answer, Cause, Effect, EffectId, Event, Input, Pending, Save, Snapshot, SnapshotError, Status, Step,
};
use crate::model::{
    Elapsed, Epoch, Failure, FailureKind, Fence, Mark, Metric, Now, Reason, RolloutId, StageIndex, StageName,
    Track, TrackSpec, Traffic,
};
use crate::plan::{Plan, SHORTEST_POLL, Stage};

/// A rollout as a value. It changes by [`step`](Self::step) alone, and says by [`pending`](Self::pending) what it
/// wants done and when it wants to be stepped again.
///
/// ```
/// use shepherd_core::machine::{Effect, Input, Machine};
/// use shepherd_core::model::{Epoch, Now, Replicas, Revision, RolloutId, RouterCapabilities};
/// use shepherd_core::plan::Change;
/// use shepherd_core::strategy::{BlueGreen, Strategy};
///
/// let change = Change::new("shop/web".parse()?, Revision::new("v1")?, Revision::new("v2")?)
///     .replicas(Replicas::new(3))
///     .router(RouterCapabilities::switching());
/// let plan = BlueGreen::new().plan(&change)?;
/// let mut rollout = Machine::start(plan, RolloutId::new("shop/web#1")?, Epoch::new(1), Now::default());
/// let step = rollout.step(Now::default(), Input::Tick);
/// assert!(step.refused.is_none());
/// // Before anything is done to the outside, it is claimed and looked at; the router first, whose claim decides which
/// // side is stable.
/// assert!(matches!(rollout.pending().effects[..], [(_, Effect::ClaimRouting(_))]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    pub(super) plan: Plan,
    pub(super) derived: Derived,
    pub(super) state: State,
    /// What the present step answers.
    pub(super) step: Step,
    /// Where the present step has ended a round in which all was seen, the first of its effects.
    pub(super) looked: Option<EffectId>,
}

impl Machine {
    /// A rollout that has not begun.
    pub fn start(plan: Plan, rollout: RolloutId, epoch: Epoch, now: Now) -> Self {
        let state = State::begin(&plan, rollout, epoch, now);
        Self::of(plan, state)
    }

    /// A rollout that goes on where `snapshot` was taken, under a new owner's epoch.
    ///
    /// # Errors
    /// [`SnapshotError`] when the snapshot does not fit its own plan.
    pub fn resume(snapshot: Snapshot, epoch: Epoch) -> Result<Self, SnapshotError> {
        let (plan, state) = snapshot.into_parts()?;
        let mut machine = Self::of(plan, state);
        machine.take_over(epoch);
        Ok(machine)
    }

    fn of(plan: Plan, state: State) -> Self {
        Self { derived: Derived::of(&plan), plan, state, step: Step::default(), looked: None }
    }

    /// Tells the machine something. The only way in which it changes.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        self.attend(now);
        match input {
            Input::Tick => {}
            Input::Answered { effect, answer } => self.answered(effect, answer),
            Input::Failed { effect, failure } => self.failed(effect, &failure),
            Input::Commanded { by, command } => self.step.refused = self.command(by, command).err(),
        }
        self.drive();
        self.looked = None;
        std::mem::take(&mut self.step)
    }

    /// The effects that are outstanding and due, and when it wants to be stepped again.
    pub fn pending(&self) -> Pending<'_> {
        let withheld = |effect: &Effect| {
            let attaching = !self.state.attach.done && matches!(self.state.course, Course::Forward);
            attaching && effect.is_act()
        };
        let effects = self.state.outstanding.iter().filter(|(_, effect)| !withheld(effect)).collect();
        Pending { effects, wake_in: self.wake().map(|at| at - self.state.time.attended) }
    }

    /// Everything that must survive the process.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.plan.clone(), self.state.clone())
    }

    /// Where it stands, for people.
    pub fn status(&self) -> Status {
        Status::of(self)
    }

    /// The plan that it carries out.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its id.
    pub fn rollout(&self) -> &RolloutId {
        &self.state.rollout
    }

    /// Its owner's epoch.
    pub fn epoch(&self) -> Epoch {
        self.state.epoch
    }

    /// What a [`Effect::Measure`] asks for: what the guards need, each once.
    pub fn metrics(&self) -> &[Metric] {
        &self.derived.metrics
    }

    /// How it ended, when it has. Final: it never changes again, but for [`next`](super::Report::next), which watching
    /// after the promotion may still add.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.state.outcome.as_ref()
    }

    /// Whether there is nothing left to do: it has ended, was watched for as long as the plan says, and people were
    /// told.
    pub fn is_done(&self) -> bool {
        self.state.is_done()
    }

    pub(super) fn stage(&self) -> &Stage {
        &self.plan.stages()[usize::from(self.state.run.index)]
    }

    pub(super) fn stage_name(&self, index: StageIndex) -> StageName {
        self.plan.stages()[usize::from(index)].name().clone()
    }

    pub(super) fn now(&self) -> Elapsed {
        self.state.time.attended
    }

    pub(super) fn routed(&self) -> bool {
        self.plan.mode().routed()
    }

    pub(super) fn fenced(&self) -> bool {
        self.plan.router().is_none_or(|router| router.fenced)
    }

    /// Whether the promotion has begun.
    pub(super) fn promoting(&self) -> bool {
        self.state.run.index >= self.derived.promote
    }

    /// Whether the promotion is through: what follows is clean-up, and there is no way back but a new rollout.
    pub(super) fn promoted(&self) -> bool {
        self.state.run.index > self.derived.promote
    }

    pub(super) fn fence(&self) -> Fence {
        Fence { rollout: self.state.rollout.clone(), epoch: self.state.epoch }
    }

    /// Whether the candidate may still be shown.
    pub(super) fn traffic(&self) -> Traffic {
        if self.recovering() { Traffic::Off } else { Traffic::On }
    }

    /// The mark of the next decision.
    pub(super) fn next_mark(&mut self) -> Mark {
        self.state.generation = self.state.generation.next();
        let traffic = self.traffic();
        let cause = match &self.state.course {
            Course::Forward => None,
            Course::Recovery(recovery) => Some(Reason::new(recovery.cause.to_string())),
        };
        Mark {
            fence: self.fence(),
            stage: self.state.run.index,
            generation: self.state.generation,
            traffic,
            cause,
        }
    }

    pub(super) fn save(&mut self, urgency: Save) {
        self.step.save = self.step.save.max(urgency);
    }

    pub(super) fn emit(&mut self, effect: Effect) -> EffectId {
        if effect.is_off() || (effect.is_gated() && !self.is_told_by_mark(&effect)) {
            self.save(Save::Now);
        }
        self.state.outstanding.add(effect)
    }

    /// What only brings the candidate forward needs no save of its own: whoever resumes reads from its mark how far the
    /// rollout came. What changes stable decides how the way back begins, which may be before any look.
    fn is_told_by_mark(&self, effect: &Effect) -> bool {
        match effect {
            Effect::Route(_) => self.fenced() && self.state.attach.routing_marked,
            Effect::Deploy { spec, .. } => {
                spec.track == Track::Candidate && self.state.attach.workload_marked
            }
            _ => false,
        }
    }

    pub(super) fn event(&mut self, what: Happening) {
        let event = Event { at: self.state.time.wall, what };
        if event.what.is_notable() {
            self.state.outstanding.add(Effect::Notify(event.clone()));
        }
        self.step.events.push(event);
    }

    /// Takes the candidate back. Whatever was under way for it is withdrawn.
    pub(super) fn trigger(&mut self, cause: Cause) {
        if self.state.outcome.is_some() || !matches!(self.state.course, Course::Forward) || self.promoted() {
            return;
        }
        self.event(Happening::Triggered(cause.clone()));
        for (id, effect) in self.state.outstanding.withdraw(Effect::is_act) {
            if matches!(effect, Effect::Route(_)) {
                self.state.routing.late_raises.push(id);
            }
        }
        let stable_intact = self.state.stable.revision == *self.plan.stable()
            && self.state.stable.replicas >= self.plan.replicas();
        self.state.hold = None;
        self.state.retry_at = self.now();
        self.state.round.due = self.now();
        self.state.round.awaiting = self.now();
        self.state.course = Course::Recovery(RecoveryRun {
            cause,
            since: self.now(),
            alarm_at: self.now() + self.plan.recovery().deadline,
            off_decided: false,
            off_since: None,
            forced: false,
            stable_intact,
        });
        self.save(Save::Now);
    }

    pub(super) fn begin_stage(&mut self, index: StageIndex) {
        let now = self.now();
        // What a stage asked that was skipped or failed is not the next one's answer.
        self.state.outstanding.withdraw(|effect| matches!(effect, Effect::Check { .. } | Effect::RunHook(_)));
        let deadline = self.plan.stage(index).and_then(Stage::deadline).map(|deadline| now + deadline);
        // Who has just looked need not look again before it moves traffic.
        let exposes = self.plan.stage(index).is_some_and(|stage| stage.action().exposure().is_some());
        let looked = self.looked.filter(|_| exposes);
        let first = looked.unwrap_or_else(|| self.state.outstanding.next_id());
        self.state.run = StageRun::begin(index, now, first, deadline);
        self.state.round.due = if looked.is_some() { now + SHORTEST_POLL } else { now };
        self.state.round.awaiting = now;
        let (name, asks) = (self.stage().name().clone(), self.stage().action().asks_people());
        self.event(Happening::Entered(name.clone()));
        if asks && self.state.hurried.is_none() {
            self.event(Happening::AwaitsApproval(name));
        }
        self.save(Save::Soon);
    }

    pub(super) fn complete_stage(&mut self) {
        self.event(Happening::Completed(self.stage().name().clone()));
        let next = self.state.run.index.next();
        if self.plan.stage(next).is_some() {
            self.begin_stage(next);
        } else {
            let report = self.report(None);
            self.finish(Outcome::Promoted(report));
        }
    }

    pub(super) fn report(&mut self, cause: Option<Cause>) -> Box<Report> {
        Box::new(Report {
            rollout: self.state.rollout.clone(),
            target: self.plan.target().clone(),
            stable: self.plan.stable().clone(),
            candidate: self.plan.candidate().clone(),
            started: self.state.time.started,
            ended: self.state.time.wall,
            stage: self.stage().name().clone(),
            cause,
            overrides: self.state.overrides.clone(),
            next: self.state.next.clone(),
        })
    }

    pub(super) fn finish(&mut self, outcome: Outcome) {
        self.state.outstanding.withdraw(|effect| !matches!(effect, Effect::Notify(_)));
        self.event(Happening::Finished(outcome.ending()));
        self.begin_aftercare(&outcome);
        self.state.outcome = Some(outcome);
        self.save(Save::Now);
    }

    fn drive(&mut self) {
        if self.state.outcome.is_some() {
            return self.care();
        }
        self.attach();
        if self.state.attach.done && !self.recovering() {
            self.go_forward();
        }
        if self.state.outcome.is_none() && self.recovering() {
            self.recover();
        }
        if self.state.outcome.is_none() {
            self.begin_round();
        }
    }

    fn answered(&mut self, id: EffectId, answer: Answer) {
        match (self.state.outstanding.take(id), answer) {
            (Some(Effect::ClaimRouting(_)), Answer::Done) => self.state.attach.routing_claimed = true,
            (Some(Effect::ClaimWorkload(_)), Answer::Done) => self.claimed(),
            (Some(Effect::ObserveRouting), Answer::Routing(routing)) => self.saw_routing(id, routing),
            (Some(Effect::ObserveWorkload), Answer::Workload(workload)) => self.saw_workload(id, workload),
            (Some(Effect::Measure { .. }), Answer::Measured(measured)) => self.measured(Ok(&measured)),
            (Some(Effect::Route(_)), Answer::Done) => {
                self.state.routing.accepted = Some(self.state.outstanding.next_id());
                self.state.routing.confirmed = self.state.routing.exposure.clone();
                self.look_again();
            }
            (Some(Effect::Deploy { spec, .. }), Answer::Done) => self.deployed(&spec),
            (Some(Effect::Check { .. }), Answer::Checked(verdict)) => self.checked(verdict),
            (Some(Effect::RunHook(_)), Answer::Done) => self.state.run.acted = Some(self.now()),
            (Some(Effect::Notify(_)), Answer::Done) => self.told(),
            (None, _) => self.late(id),
            (Some(effect), answer) => {
                let message = format!("{effect} was answered by {answer:?}");
                self.unfulfilled(&effect, &Failure::new(FailureKind::Permanent, "driver", message));
            }
        }
    }

    /// What is wanted may have changed while the write was under way: then it is still to be written.
    fn deployed(&mut self, spec: &TrackSpec) {
        let accepted = self.state.outstanding.next_id();
        let wanted = self.state.track_mut(spec.track);
        if wanted.revision == spec.revision && wanted.replicas == spec.replicas {
            wanted.accepted = Some(accepted);
        }
        self.look_again();
    }

    /// When the last notice of a rollout that has ended is out, nobody needs to tell it again.
    pub(super) fn told(&mut self) {
        let telling = self.state.outstanding.any(|effect| matches!(effect, Effect::Notify(_)));
        if self.state.outcome.is_some() && !telling {
            self.save(Save::Now);
        }
    }

    fn failed(&mut self, id: EffectId, failure: &Failure) {
        match self.state.outstanding.take(id) {
            Some(effect) => self.unfulfilled(&effect, failure),
            None => self.late(id),
        }
    }

    /// A raise that was withdrawn has come to an end. Without fences it may have been carried out after the off.
    fn late(&mut self, id: EffectId) {
        let raises = &mut self.state.routing.late_raises;
        let before = raises.len();
        raises.retain(|raise| *raise != id);
        if raises.len() < before && !self.fenced() {
            self.state.routing.accepted = None;
            self.state.routing.in_effect = None;
            if let Course::Recovery(recovery) = &mut self.state.course {
                recovery.off_since = None;
            }
        }
    }

    pub(super) fn recovering(&self) -> bool {
        matches!(self.state.course, Course::Recovery(_))
    }
}
