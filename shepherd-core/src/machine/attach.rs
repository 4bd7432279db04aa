//! Taking hold: everything that is written to is claimed, then looked at, before anything is done to it. A start and a
//! resume are the same here.

use super::event::Happening;
use super::outcome::Outcome;
use super::rollout_machine::Machine;
use super::told::Told;
use super::{Cause, Effect, Save};
use crate::model::{Epoch, Failure, Mark, Reason, Routing, StageIndex, Track, Traffic, WorkloadState};

impl Machine {
    pub(super) fn attach(&mut self) {
        if self.state.attach.done {
            return;
        }
        let began = *self.state.attach.began.get_or_insert(self.state.time.attended);
        self.claim();
        let known =
            self.state.seen.workload.is_some() && (self.state.seen.routing.is_some() || !self.routed());
        if self.state.attach.claimed(self.routed()) && known {
            self.attached();
        } else if self.now() - began > self.plan.attention().blind {
            let failure = self.state.seen.blind_failure.clone();
            let reason =
                failure.map_or_else(|| "it does not answer".to_owned(), |failure| failure.to_string());
            self.cannot_attach(Reason::new(reason));
        }
    }

    /// The router first, and the workload only when that has succeeded: the router's claim decides which side is stable,
    /// and the workload's takes that over.
    fn claim(&mut self) {
        if self.now() < self.state.retry_at {
            return;
        }
        let attach = &self.state.attach;
        let claim = if self.routed() && !attach.routing_claimed {
            Effect::ClaimRouting(self.fence())
        } else if !attach.workload_claimed {
            Effect::ClaimWorkload(self.fence())
        } else {
            return;
        };
        if !self.state.outstanding.any(|effect| *effect == claim) {
            self.emit(claim);
        }
    }

    /// What never began is refused; what began is taken back.
    pub(super) fn cannot_attach(&mut self, reason: Reason) {
        if self.state.begun {
            self.trigger(Cause::CannotAttach(reason));
        } else if self.state.outcome.is_none() && !self.recovering() {
            self.refuse(reason);
        }
    }

    pub(super) fn cannot_claim(&mut self, failure: &Failure) {
        self.state.retry_at = self.now() + self.derived.poll;
        if failure.kind.is_passing() {
            self.state.seen.blind_failure = Some(failure.clone());
        } else {
            self.cannot_attach(Reason::new(failure.to_string()));
        }
    }

    fn attached(&mut self) {
        self.state.attach.done = true;
        self.renumber();
        let shown = self.state.seen.routing.as_ref().is_some_and(|(_, seen)| !seen.exposure.is_off());
        self.state.routing.raised |= shown || self.state.attach.told.routing().is_some();
        self.catch_up();
        if self.recovering() {
            return;
        }
        let first_time = !self.state.begun;
        if first_time && let Some(reason) = self.obstacle() {
            return self.refuse(reason);
        }
        if let Some(revision) = self.edited().filter(|_| !self.promoted()).cloned() {
            // What the process before has decided would overwrite it.
            return self.trigger(Cause::StableEdited(revision));
        }
        if let Some(reason) = self.undone().filter(|_| !first_time) {
            // What would show it afresh is refused for it.
            return self.trigger(Cause::Failing(reason));
        }
        self.state.begun = true;
        if !self.may_route() {
            // It is decided again when there is capacity for it again.
            self.state.outstanding.withdraw(|effect| matches!(effect, Effect::Route(_)));
        }
        for track in Track::BOTH {
            let writes =
                |effect: &Effect| matches!(effect, Effect::Deploy { spec, .. } if spec.track == track);
            if !self.may_shrink(track) {
                self.state.outstanding.withdraw(writes);
            }
        }
        let stage = self.stage().name().clone();
        self.event(Happening::Attached(stage));
        if first_time {
            self.begin_stage(StageIndex::FIRST);
        } else {
            self.state.run.first = self.state.outstanding.next_id();
        }
        // From now on the candidate may be brought forward, and what that is done by must survive.
        self.save(Save::Now);
        self.heed_absence();
    }

    /// All is claimed. What was seen before that an older owner may have changed since.
    pub(super) fn claimed(&mut self) {
        self.state.attach.workload_claimed = true;
        self.state.attach.told = Told::default();
        self.state.seen.workload = None;
        self.state.seen.routing = None;
        self.state.outstanding.withdraw(Effect::is_observation);
        self.state.round.due = self.now();
    }

    /// What was seen of our own marks. An off mark is the rollout's end, whatever the snapshot says.
    pub(super) fn heed_marks(&mut self, routing: Option<&Routing>, workload: Option<&WorkloadState>) {
        self.hear_marks(routing, workload);
        let tracks = workload.into_iter().flat_map(|workload| [&workload.stable, &workload.candidate]);
        let marks = routing.and_then(|routing| routing.mark.as_ref()).into_iter();
        for mark in marks.chain(tracks.filter_map(|track| track.mark.as_ref())) {
            self.adopt(Some(mark));
            self.heed(mark);
        }
    }

    fn hear_marks(&mut self, routing: Option<&Routing>, workload: Option<&WorkloadState>) {
        let (rollout, attach) = (&self.state.rollout, &mut self.state.attach);
        let ours = |mark: Option<&Mark>| mark.is_some_and(|mark| mark.fence.rollout == *rollout);
        if let Some(routing) = routing {
            attach.routing_marked = ours(routing.mark.as_ref());
        }
        if let Some(workload) = workload {
            attach.workload_marked = ours(workload.stable.mark.as_ref());
        }
        if attach.done {
            return;
        }
        if let Some(routing) = routing {
            attach.told.hear_routing(rollout, routing);
        }
        if let Some(workload) = workload {
            attach.told.hear_workload(rollout, workload);
        }
    }

    fn heed(&mut self, mark: &Mark) {
        if mark.fence.rollout == self.state.rollout && mark.traffic == Traffic::Off && !self.recovering() {
            let reason = mark.cause.clone().unwrap_or_else(|| Reason::new("its mark does not say why"));
            self.trigger(Cause::FoundOff(reason));
        }
    }

    /// What must hold before the first stage. Nothing has been changed yet.
    fn obstacle(&self) -> Option<Reason> {
        if let Some((_, routing)) = &self.state.seen.routing
            && !routing.exposure.is_off()
        {
            let whose = routing.mark.as_ref().map(|mark| format!(", for {}", mark.fence.rollout));
            return Some(Reason::new(format!(
                "the router sends {} to the candidate already{}; set that to 0, or let whoever drives it take it back, \
                 then start again",
                routing.exposure,
                whose.unwrap_or_default()
            )));
        }
        let stable = &self.state.workload()?.stable;
        let planned = self.plan.stable();
        if stable.revision.as_ref() == Some(planned) {
            return None;
        }
        let runs = stable.revision.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        Some(Reason::new(format!(
            "the plan takes {planned} for stable, and stable runs {runs}; plan it anew"
        )))
    }

    fn refuse(&mut self, reason: Reason) {
        let report = self.report(None);
        self.finish(Outcome::Refused { reason, report });
    }

    /// A later owner goes on: what was looking is looked at again, what was decided stands under the new epoch.
    pub(super) fn take_over(&mut self, epoch: Epoch) {
        self.state.forget();
        self.state.epoch = epoch;
        self.state.outstanding.withdraw(|effect| {
            effect.is_observation() || matches!(effect, Effect::ClaimRouting(_) | Effect::ClaimWorkload(_))
        });
        self.state.outstanding.restamp(|mark| mark.fence.epoch = epoch);
        // Nobody answers for the calls of a process that is gone; the drain of the way back outlasts them.
        self.state.routing.late_raises.clear();
        // What people are told by a number they were not told by the process before, whose last ones were not saved.
        self.state.outstanding.count_on_from(epoch);
    }

    /// Outstanding decisions are put behind everything that was seen outside.
    pub(super) fn renumber(&mut self) {
        let mut generation = self.state.generation;
        self.state.outstanding.restamp(|mark| {
            generation = generation.next();
            mark.generation = generation;
        });
        self.state.generation = generation;
    }

    /// Decisions that were seen outside are behind us, whatever the snapshot knows.
    pub(super) fn adopt(&mut self, seen: Option<&Mark>) {
        if let Some(mark) = seen.filter(|mark| mark.fence.rollout == self.state.rollout) {
            self.state.generation = self.state.generation.max(mark.generation);
        }
    }
}
