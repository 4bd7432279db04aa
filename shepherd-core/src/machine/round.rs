//! Looking at the outside, beat by beat: what is seen, what it means for the guards, and what of it counts as watched.

use std::time::Duration;

use super::event::Happening;
use super::rollout_machine::Machine;
use super::state::Course;
use super::{Cause, Effect, EffectId, Save};
use crate::guard::{Finding, GuardAction, GuardVerdict};
use crate::model::{Elapsed, Failure, Mark, Measurement, Reason, Replicas, Routing, WorkloadState};
use crate::plan::{Action, Drift, SHORTEST_POLL};

impl Machine {
    pub(super) fn begin_round(&mut self) {
        let may_look = self.state.attach.claimed(self.routed()) || self.recovering();
        if !may_look
            || self.now() < self.state.round.due
            || self.state.outstanding.any(Effect::is_observation)
        {
            return;
        }
        let measured_at = self.state.round.measured_at;
        let round = &mut self.state.round;
        round.started = self.state.time.attended;
        round.first = self.state.outstanding.next_id();
        round.failed = false;
        round.again = false;
        round.all_clear = true;
        self.emit(Effect::ObserveWorkload);
        if self.routed() {
            self.emit(Effect::ObserveRouting);
        }
        if self.should_measure(measured_at) {
            self.state.round.measured_at = Some(self.now());
            self.emit(Effect::Measure { cursor: self.state.cursor.clone() });
        }
    }

    /// What was seen so far does not tell of what has just been accepted.
    pub(super) fn look_again(&mut self) {
        self.state.round.due = self.now();
        self.state.round.awaiting = self.now();
        self.state.round.again = true;
    }

    fn should_measure(&self, measured_at: Option<Elapsed>) -> bool {
        let due = measured_at.is_none_or(|at| self.now() - at >= self.plan.attention().beat);
        self.is_watching() && (due || matches!(self.stage().action(), Action::Bake(_)))
    }

    fn is_watching(&self) -> bool {
        self.state.attach.done && !self.recovering() && self.exposed() && !self.derived.metrics.is_empty()
    }

    /// Whether users meet the candidate.
    pub(super) fn exposed(&self) -> bool {
        if self.routed() {
            !self.state.routing.exposure.is_off()
        } else {
            self.state.candidate.replicas > Replicas::ZERO
        }
    }

    pub(super) fn saw_workload(&mut self, id: EffectId, workload: WorkloadState) {
        self.heed_marks(None, Some(&workload));
        self.state.seen.workload = Some((id, workload));
        self.end_round();
    }

    pub(super) fn saw_routing(&mut self, id: EffectId, routing: Routing) {
        self.heed_marks(Some(&routing), None);
        if self.shows_what_was_asked(&routing) {
            // The answer was lost, or failed for another reason; what the router shows is as good.
            self.state.outstanding.withdraw(|effect| matches!(effect, Effect::Route(_)));
            self.state.routing.accepted = Some(id);
        }
        let tells = self.state.routing.accepted.is_some_and(|accepted| id >= accepted);
        let settled = routing.in_effect && routing.exposure == self.state.routing.exposure;
        if tells && settled && self.state.routing.in_effect.is_none() {
            self.state.routing.in_effect = Some(self.now());
            if !self.recovering() {
                self.event(Happening::Exposed(routing.exposure.clone()));
            }
        }
        if tells && self.state.attach.done && routing.exposure != self.state.routing.exposure {
            self.drifted(id, &routing);
        }
        if tells {
            self.state.routing.confirmed = routing.exposure.clone();
        }
        self.state.seen.routing = Some((id, routing));
        self.end_round();
    }

    /// Whether a write that was not answered, or answered by a failure, stands there all the same: by its mark.
    fn shows_what_was_asked(&self, routing: &Routing) -> bool {
        let wanted = &self.state.routing;
        let ours = |mark: &Mark| {
            mark.fence == self.fence() && mark.generation > wanted.decided && mark.traffic == self.traffic()
        };
        wanted.accepted.is_none()
            && routing.exposure == wanted.exposure
            && routing.mark.as_ref().is_some_and(ours)
    }

    /// The router shows what nobody here wrote. More than was decided is put right at once; less is a person's doing,
    /// and the plan says what comes of it.
    fn drifted(&mut self, id: EffectId, routing: &Routing) {
        let more = routing.exposure.raises(&self.state.routing.exposure);
        if self.recovering() && !more {
            // The way back only lowers: whoever was here before has come further than was saved.
            self.state.routing.exposure = routing.exposure.clone();
            self.state.routing.accepted = Some(id);
            self.state.routing.in_effect = None;
            return;
        }
        self.event(Happening::Drifted(routing.exposure.clone()));
        self.state.routing.accepted = None;
        self.state.routing.in_effect = None;
        if let Course::Recovery(recovery) = &mut self.state.course {
            recovery.off_since = None;
            return;
        }
        let exposure = &routing.exposure;
        if !more && !self.fenced() && !self.promoted() {
            return self.trigger(Cause::TakenOffElsewhere);
        }
        let pauses = match self.plan.attention().drift {
            Drift::PauseWhenLess => !more,
            Drift::Pause => true,
            Drift::PutBack => false,
        };
        if pauses && !self.promoted() {
            let then = if more { "it is put back; resume to go on" } else { "resume to put it back" };
            self.hold(Reason::new(format!("somebody set the candidate's traffic to {exposure}; {then}")));
        }
    }

    pub(super) fn measured(&mut self, reading: Result<&Measurement, &Failure>) {
        if let Ok(measurement) = reading {
            self.state.cursor = Some(measurement.cursor.clone());
        }
        if self.state.outcome.is_some() {
            return self.measured_after(reading);
        }
        let mut fired = None;
        for index in 0..self.state.guards.len() {
            if let Some(finding) = self.guard(index, reading) {
                fired = fired.or(Some(finding));
            }
        }
        if let Some(finding) = fired {
            self.act_on(finding);
        }
        self.end_round();
    }

    fn guard(&mut self, index: usize, reading: Result<&Measurement, &Failure>) -> Option<Finding> {
        let active = self.is_active(index);
        let (now, gap) = (self.now(), self.plan.attention().max_gap);
        let (guard, state) = (&self.plan.guards()[index], &mut self.state.guards[index]);
        if !active {
            state.reset();
            return None;
        }
        match state.observe(guard, now, reading, gap) {
            GuardVerdict::Clear => None,
            verdict => {
                // One that only tells never holds a rollout up.
                self.state.round.all_clear &= guard.action() == GuardAction::Tell;
                if let GuardVerdict::Fired(finding) = verdict { Some(finding) } else { None }
            }
        }
    }

    /// A guard watches over its stages while users meet the candidate; a comparison only while stable has users too.
    pub(super) fn is_active(&self, index: usize) -> bool {
        let guard = &self.plan.guards()[index];
        let comparable = if self.routed() {
            !self.state.routing.exposure.is_full()
        } else {
            self.state.stable.replicas > Replicas::ZERO
        };
        self.derived.ranges[index].contains(&self.state.run.index)
            && self.exposed()
            && (comparable || !guard.is_relative())
    }

    fn act_on(&mut self, finding: Finding) {
        match finding.action {
            GuardAction::RollBack => self.trigger(Cause::Guard(finding)),
            GuardAction::Pause => {
                let reason = Reason::new(finding.to_string());
                self.event(Happening::Noticed(finding));
                self.hold(reason);
            }
            GuardAction::Tell => self.event(Happening::Noticed(finding)),
        }
    }

    pub(super) fn cannot_observe(&mut self, failure: &Failure) {
        if !self.state.begun && !failure.kind.is_passing() {
            // It would be no other in a while, and nothing was begun.
            return self.cannot_attach(Reason::new(failure.to_string()));
        }
        self.state.round.failed = true;
        let now = self.now();
        let since = *self.state.seen.blind_since.get_or_insert(now);
        self.state.seen.blind_failure = Some(failure.clone());
        if now - since > self.plan.attention().blind && self.state.begun {
            self.trigger(Cause::Blind(failure.clone()));
        }
        self.end_round();
    }

    /// When the last answer of a round is in, it is judged as a whole.
    fn end_round(&mut self) {
        if self.state.outstanding.any(Effect::is_observation) || self.state.outcome.is_some() {
            return;
        }
        if !self.state.round.failed {
            self.state.seen.blind_since = None;
        }
        self.heed_capacity();
        if !self.recovering() {
            self.credit();
        }
        self.note();
        let outdated = self.state.round.again || self.state.round.first < self.state.run.first;
        self.state.round.due = if outdated { self.now() } else { self.next_round() };
        // What was read from metrics may have taken long.
        let young = self.now() - self.state.round.started <= self.derived.poll;
        let whole = !outdated && !self.state.round.failed;
        self.looked = Some(self.state.round.first).filter(|_| young && whole);
    }

    /// Guards are asked at each beat, whichever stages begin or end meanwhile.
    fn next_round(&self) -> Elapsed {
        let round = &self.state.round;
        let due = round.started + self.period();
        let measure = round.measured_at.map(|at| at + self.plan.attention().beat);
        let measure = measure.filter(|at| *at > round.started && self.is_watching());
        measure.map_or(due, |at| due.min(at))
    }

    /// While something is awaited the outside is looked at often; otherwise at each beat.
    fn period(&self) -> Duration {
        let beat = self.plan.attention().beat;
        match self.stage().action() {
            _ if self.recovering() || !self.state.attach.done => self.poll(),
            _ if self.state.hold.is_some() => beat,
            Action::Bake(time) => time.saturating_sub(self.state.run.observed).clamp(SHORTEST_POLL, beat),
            Action::Scale { .. } | Action::Expose(_) | Action::Switch | Action::Promote => self.poll(),
            _ => beat,
        }
    }

    /// What comes soon is seen soon, and what takes long is not asked for all the time.
    fn poll(&self) -> Duration {
        let awaited = self.now() - self.state.round.awaiting;
        (awaited / 4).clamp(SHORTEST_POLL, self.derived.poll)
    }

    /// Bake time is the time between rounds in which all was seen and all was well.
    fn credit(&mut self) {
        let (started, first) = (self.state.round.started, self.state.round.first);
        if !matches!(self.stage().action(), Action::Bake(_)) || first < self.state.run.first {
            return;
        }
        if self.state.round.failed
            || self.state.hold.is_some()
            || self.starved().is_some()
            || self.deserted().is_some()
            || !self.routed_as_wanted()
        {
            self.state.run.credit_from = None;
            return;
        }
        let watched = self.watched();
        if let Some(from) = self.state.run.credit_from.replace(started).filter(|_| watched) {
            let time = started - from;
            if time <= self.plan.attention().max_gap {
                self.state.run.observed += time;
            }
        }
    }

    fn routed_as_wanted(&self) -> bool {
        let seen = self.state.seen.routing.as_ref().map(|(_, routing)| &routing.exposure);
        !self.routed() || seen == Some(&self.state.routing.exposure)
    }

    /// Whether every guard that is active was asked in this round and is definitely clear.
    fn watched(&self) -> bool {
        let none_active = !(0..self.state.guards.len()).any(|index| self.is_active(index));
        none_active
            || (self.state.round.measured_at == Some(self.state.round.started) && self.state.round.all_clear)
    }

    /// What a kill would lose is a few beats of watching, or of a guard's holding: worth a save, but not each time. And
    /// whoever resumes tells from the last save how long nobody was there.
    fn note(&mut self) {
        let attention = self.plan.attention();
        let baking = matches!(self.stage().action(), Action::Bake(_)) && self.state.hold.is_none();
        let beats = match (baking, self.state.round.all_clear) {
            (true, true) => attention.beat.saturating_mul(6),
            (true, false) => attention.beat,
            (false, _) => attention.unattended_after,
        };
        if self.now() - self.state.round.noted >= beats.min(attention.unattended_after / 4) {
            self.state.round.noted = self.now();
            self.save(Save::Soon);
        }
    }
}
