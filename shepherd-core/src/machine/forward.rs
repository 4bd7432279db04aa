//! Carrying out the stages, one after the other.

use super::event::Happening;
use super::rollout_machine::Machine;
use super::state::{Course, RoutingWanted};
use super::{Cause, Effect};
use crate::model::{
    Elapsed, Exposure, Failure, FailureKind, People, Reason, Replicas, Revision, Route, Times, Track,
    TrackSpec, Verdict,
};
use crate::plan::{Action, Approval, GateCheck, OnFailure, Promotion};

/// However long a backend asks to be left alone, it is asked again after this.
const LONGEST_RETRY: std::time::Duration = std::time::Duration::from_mins(1);

impl Machine {
    pub(super) fn go_forward(&mut self) {
        // More than was decided is put right even while it holds still.
        if !self.state.routing.exposure.raises(&self.state.routing.confirmed) && self.may_route() {
            self.write_route();
        }
        while self.state.outcome.is_none() && self.state.hold.is_none() && !self.recovering() {
            // What is decided while writes are to wait would count as asked for, and nobody was asked.
            let waits = self.now() < self.state.retry_at;
            if self.overdue() || !self.writes_accepted() || waits || !self.stage_done() {
                return;
            }
            self.complete_stage();
        }
    }

    fn overdue(&mut self) -> bool {
        let now = self.now();
        if self.stage_due().is_none_or(|due| now < due) {
            return false;
        }
        let within = self.stage().deadline().unwrap_or_else(|| self.plan.attention().blind);
        let waiting = self.waiting().on;
        if self.promoted() {
            self.state.run.deadline = Some(now + within);
            self.event(Happening::Escalated(waiting));
            return false;
        }
        let stage = self.stage().name().clone();
        let cause = Cause::Deadline { stage, within, waiting: Reason::new(waiting.to_string()) };
        self.stage_failed(cause);
        true
    }

    /// When the present stage is overdue. People may take as long as they like, but what drifted while they are asked is
    /// put right within the time for which the outside may be out of sight.
    pub(super) fn stage_due(&self) -> Option<Elapsed> {
        let run = &self.state.run;
        run.deadline.or_else(|| run.unwritten_since.map(|since| since + self.plan.attention().blind))
    }

    /// What was decided and not accepted yet is written, again when need be.
    fn writes_accepted(&mut self) -> bool {
        for track in Track::BOTH {
            self.write_track(track);
        }
        if self.may_route() {
            self.write_route();
        }
        let tracks = self.state.stable.accepted.is_some() && self.state.candidate.accepted.is_some();
        let accepted = tracks && self.state.routing.accepted.is_some();
        self.heed_unwritten(accepted);
        accepted
    }

    fn heed_unwritten(&mut self, accepted: bool) {
        let now = self.now();
        let run = &mut self.state.run;
        if accepted || run.deadline.is_some() {
            run.unwritten_since = None;
        } else {
            run.unwritten_since.get_or_insert(now);
        }
    }

    /// However often a raise is tried, it is tried only while there is capacity for it; so is the return of the traffic
    /// to a stable track that was just overwritten.
    pub(super) fn may_route(&self) -> bool {
        let RoutingWanted { exposure, confirmed, .. } = &self.state.routing;
        let grows = exposure.raises(confirmed) || self.promoted();
        !grows || self.has_capacity(exposure)
    }

    pub(super) fn write_track(&mut self, track: Track) {
        let writing = |effect: &Effect| matches!(effect, Effect::Deploy { spec, .. } if spec.track == track);
        let wanted = self.state.track(track);
        if wanted.accepted.is_some()
            || self.now() < self.state.retry_at
            || self.state.outstanding.any(writing)
            || !self.may_shrink(track)
        {
            return;
        }
        let mut spec = TrackSpec::new(track, wanted.revision.clone(), wanted.replicas);
        if track == Track::Stable {
            // What somebody gives it in the moment of the write is no more overwritten than what was seen.
            spec = spec.replacing(self.stable_revisions().cloned());
        }
        let mark = self.next_mark();
        self.emit(Effect::Deploy { spec, mark });
    }

    /// Where replicas are the weight, none that is ready goes before enough others are, however often it is tried. The way
    /// back decides for itself.
    pub(super) fn may_shrink(&self, track: Track) -> bool {
        if self.recovering() {
            return true;
        }
        let (wanted, Some(headroom)) = (self.state.track(track), self.plan.mode().headroom()) else {
            return true;
        };
        let Some(workload) = self.state.workload() else { return false };
        let (is, other) = (workload.track(track), workload.track(track.other()));
        let stays = is.ready_of(&wanted.revision).min(wanted.replicas);
        let least = self.plan.replicas().get().saturating_sub(headroom.unavailable.get());
        stays >= is.ready || other.ready.get().saturating_add(stays.get()) >= least
    }

    pub(super) fn write_route(&mut self) {
        let writing = |effect: &Effect| matches!(effect, Effect::Route(_));
        let routing = &self.state.routing;
        if routing.accepted.is_some()
            || self.now() < self.state.retry_at
            || self.state.outstanding.any(writing)
        {
            return;
        }
        let exposure = routing.exposure.clone();
        let mark = self.next_mark();
        self.emit(Effect::Route(Route { exposure, mark }));
    }

    pub(super) fn want_track(&mut self, track: Track, revision: &Revision, replicas: Replicas) {
        let wanted = self.state.track_mut(track);
        if wanted.revision != *revision || wanted.replicas != replicas {
            wanted.revision = revision.clone();
            wanted.replicas = replicas;
            wanted.accepted = None;
        }
        self.write_track(track);
    }

    pub(super) fn want_route(&mut self, exposure: Exposure) {
        self.state.routing.raised |= !exposure.is_off();
        self.state.routing.exposure = exposure;
        self.state.routing.decided = self.state.generation;
        self.state.routing.accepted = None;
        self.state.routing.in_effect = None;
        self.write_route();
    }

    fn stage_done(&mut self) -> bool {
        let plan = self.plan.clone();
        match plan.stages()[usize::from(self.state.run.index)].action() {
            Action::Scale { track, replicas } => self.scale(*track, *replicas),
            action @ (Action::Expose(_) | Action::Switch) => {
                action.exposure().is_some_and(|exposure| self.expose(&exposure))
            }
            Action::Bake(time) => self.state.hurried.is_some() || self.state.run.observed >= *time,
            Action::Check(check) => self.state.hurried.is_some() || self.check(check),
            Action::Approve(approval) => self.state.hurried.is_some() || self.approved(approval),
            Action::Promote => self.promote(),
            Action::Retire { track, drain } => self.retire(*track, *drain),
            Action::Hook(hook) => {
                if self.state.run.acted.is_none()
                    && !self.state.outstanding.any(|effect| matches!(effect, Effect::RunHook(_)))
                {
                    self.emit(Effect::RunHook(hook.clone()));
                }
                self.state.run.acted.is_some()
            }
        }
    }

    fn scale(&mut self, track: Track, replicas: Replicas) -> bool {
        if self.routed() && replicas < self.state.track(track).replicas && !self.has_drained() {
            return false;
        }
        let revision = self.state.track(track).revision.clone();
        self.want_track(track, &revision, replicas);
        self.state.ready(track).is_some_and(|ready| ready >= replicas)
    }

    /// Whether requests that were under way when the traffic moved have had their time.
    fn has_drained(&self) -> bool {
        self.drained_at().is_some_and(|at| self.now() >= at)
    }

    pub(super) fn drained_at(&self) -> Option<Elapsed> {
        self.state.routing.in_effect.map(|since| since + self.settle() + self.plan.recovery().drain)
    }

    /// Capacity first, by the look that ended the stage before or one within this stage; then the write; then its effect.
    fn expose(&mut self, exposure: &Exposure) -> bool {
        if self.state.routing.exposure != *exposure {
            if !self.has_seen_routing() || !self.has_capacity(exposure) {
                return false;
            }
            self.want_route(exposure.clone());
        }
        let since = self.state.routing.in_effect.filter(|_| self.state.routing.accepted.is_some());
        since.is_some_and(|since| self.now() >= since + self.settle())
    }

    /// What a person has changed there meanwhile is not written over unseen.
    fn has_seen_routing(&self) -> bool {
        self.state.seen.routing.as_ref().is_some_and(|(id, _)| *id >= self.state.run.first)
    }

    fn has_capacity(&self, exposure: &Exposure) -> bool {
        let looked = self.state.seen.workload.as_ref().is_some_and(|(id, _)| *id >= self.state.run.first);
        let grows = self.growing(exposure);
        let needed = self.plan.needed(grows, exposure);
        looked && self.state.ready(grows).is_some_and(|ready| ready >= needed)
    }

    /// What grows is what needs capacity: the candidate on the way up, stable when traffic returns.
    pub(super) fn growing(&self, exposure: &Exposure) -> Track {
        if exposure.raises(&self.state.routing.confirmed) { Track::Candidate } else { Track::Stable }
    }

    pub(super) fn settle(&self) -> std::time::Duration {
        self.plan.router().map(|router| router.settle).unwrap_or_default()
    }

    pub(super) fn drain(&self) -> std::time::Duration {
        match self.stage().action() {
            Action::Retire { drain, .. } => *drain,
            _ => std::time::Duration::ZERO,
        }
    }

    fn check(&mut self, check: &GateCheck) -> bool {
        let asking = self.state.outstanding.any(|effect| matches!(effect, Effect::Check { .. }));
        if self.state.run.passes < check.passes && !asking && self.now() >= self.state.run.next_try {
            self.emit(Effect::Check { gate: check.gate.clone(), track: check.track });
        }
        self.state.run.passes >= check.passes
    }

    pub(super) fn checked(&mut self, verdict: Verdict) {
        let Action::Check(check) = self.stage().action().clone() else { return };
        self.state.run.next_try = self.now() + check.every;
        self.state.run.said = Some(Reason::new(verdict.to_string()));
        self.event(Happening::Checked(verdict.clone()));
        match verdict {
            Verdict::Pass(_) => self.state.run.passes = self.state.run.passes.next(),
            Verdict::Fail(reason) => {
                self.state.run.passes = Times::ZERO;
                self.state.run.failures = self.state.run.failures.next();
                if self.state.run.failures > check.failures {
                    self.fail_stage(&reason);
                }
            }
            Verdict::Inconclusive(_) | Verdict::Error(_) => self.state.run.passes = Times::ZERO,
        }
    }

    fn approved(&self, approval: &Approval) -> bool {
        People::of(&self.state.run.approvals) >= approval.needed
    }

    /// By copy, stable takes the candidate's revision and must be ready with it, replica for replica. More than the plan
    /// knows of stay: a person, or an autoscaler, has given them since. By swap nothing moves: the side that serves is the
    /// stable one from now on.
    fn promote(&mut self) -> bool {
        match self.plan.promotion() {
            Promotion::Swap => true,
            Promotion::Copy => {
                let (revision, replicas) = (self.plan.candidate().clone(), self.plan.replicas());
                let given = self.state.workload().map(|workload| workload.stable.desired);
                self.want_track(Track::Stable, &revision, given.unwrap_or_default().max(replicas));
                let failing = self.state.workload().and_then(|workload| workload.stable.failing.clone());
                if let Some(reason) = failing.filter(|_| self.state.ready(Track::Stable).is_some()) {
                    self.fail_stage(&reason);
                    return false;
                }
                let ready = self.state.ready(Track::Stable).is_some_and(|ready| ready >= replicas);
                ready && self.state.is_settled(Track::Stable)
            }
        }
    }

    fn retire(&mut self, track: Track, drain: std::time::Duration) -> bool {
        let now = self.now();
        let began = *self.state.run.acted.get_or_insert(now);
        if now < began + drain {
            return false;
        }
        let revision = self.state.track(track).revision.clone();
        self.want_track(track, &revision, Replicas::ZERO);
        self.state.track(track).accepted.is_some()
    }

    pub(super) fn fail_stage(&mut self, reason: &Reason) {
        let stage = self.stage().name().clone();
        self.stage_failed(Cause::StageFailed { stage, reason: reason.clone() });
    }

    fn stage_failed(&mut self, cause: Cause) {
        if self.promoted() {
            // There is no way back any more: it goes on trying, and its deadline raises the alarm.
            return;
        }
        match self.stage().failure() {
            OnFailure::RollBack => self.trigger(cause),
            OnFailure::Pause => {
                self.state.run.failed = true;
                self.hold(Reason::new(cause.to_string()));
            }
        }
    }

    /// An effect came to nothing. What may yet succeed is decided again later; what cannot fails its stage; the way
    /// back goes on in any case.
    pub(super) fn unfulfilled(&mut self, effect: &Effect, failure: &Failure) {
        match effect {
            Effect::ObserveRouting | Effect::ObserveWorkload => self.cannot_observe(failure),
            Effect::Measure { .. } => self.measured(Err(failure)),
            Effect::ClaimRouting(_) | Effect::ClaimWorkload(_) => self.cannot_claim(failure),
            Effect::Notify(_) => self.told(),
            Effect::Check { .. } if failure.kind.is_passing() => {
                self.checked(Verdict::Error(Reason::new(failure.to_string())));
            }
            Effect::Route(_) | Effect::Deploy { .. } | Effect::Check { .. } | Effect::RunHook(_) => {
                self.write_failed(failure);
            }
        }
    }

    fn write_failed(&mut self, failure: &Failure) {
        // A backend may ask for patience, but not on the way back.
        let asked = failure.retry_after.filter(|_| !self.recovering()).unwrap_or_default();
        self.state.retry_at = self.now() + asked.clamp(self.derived.poll, LONGEST_RETRY);
        let reason = Reason::new(failure.to_string());
        self.state.run.said = Some(reason.clone());
        // What a fence refuses was decided too early: the next look adopts what has been written since.
        let again = failure.kind.is_passing() || failure.kind == FailureKind::Fenced;
        if matches!(self.state.course, Course::Forward) && !again {
            self.fail_stage(&reason);
        } else {
            self.state.round.due = self.now();
        }
    }
}
