//! The way back. Where a router can take users off the candidate it does so first; stable's capacity comes first only
//! where this rollout itself took it away.

use super::event::Happening;
use super::outcome::Outcome;
use super::rollout_machine::Machine;
use super::state::{Course, RecoveryRun};
use super::{Cause, Effect};
use crate::model::{Elapsed, Exposure, Replicas, Revision, Track, Weight, WorkloadState};
use crate::plan::{Headroom, Mode, PutBack, Sides};

impl Machine {
    pub(super) fn recover(&mut self) {
        let Course::Recovery(recovery) = &self.state.course else { return };
        let (alarm_at, forced) = (recovery.alarm_at, recovery.forced);
        if !self.state.begun && !matches!(recovery.cause, Cause::FoundOff(_)) {
            // Nothing was written, and which side is stable may not be decided yet: no write could be right.
            return self.recovered();
        }
        if self.now() >= alarm_at {
            self.raise_alarm();
        }
        if self.is_off_unsafe(forced) {
            return;
        }
        self.heed_drifted_tracks();
        match self.plan.mode().headroom() {
            None => self.recover_by_router(forced),
            Some(headroom) => self.recover_by_replicas(headroom, forced),
        }
        if self.state.outcome.is_none() {
            for track in Track::BOTH {
                self.write_back(track);
            }
        }
    }

    /// How far it came after the last save, only marks tell. Until they are seen, off is right all the same where stable can
    /// take the traffic; where it cannot, no write is known to be. Force waits for no replica, but to know what was promoted.
    fn is_off_unsafe(&self, forced: bool) -> bool {
        let intact = self.recovery().is_some_and(|recovery| recovery.stable_intact);
        let ready = self.state.workload().map(|workload| workload.stable.ready_of(self.good()));
        !self.state.attach.done && (!intact || (!forced && ready == Some(Replicas::ZERO)))
    }

    /// Users may ever have met the candidate. Raises that only marks tell of are not known before they are seen.
    fn may_be_raised(&self) -> bool {
        self.state.routing.raised || !self.state.attach.done
    }

    /// What was decided on the way forward and not accepted is not asked for again. Before a look nobody knows what to
    /// ask for instead.
    fn write_back(&mut self, track: Track) {
        let Some(workload) = self.state.workload() else { return };
        let (revision, replicas) = (self.revision_of(track).clone(), self.standing(track, workload));
        let wanted = self.state.track_mut(track);
        if wanted.accepted.is_none() {
            (wanted.revision, wanted.replicas) = (revision, replicas);
        }
        self.write_track(track);
    }

    /// What users go back to: stable's revision, or the one that somebody has given stable since, which is not overwritten.
    fn good(&self) -> &Revision {
        self.edited().unwrap_or(self.plan.stable())
    }

    fn revision_of(&self, track: Track) -> &Revision {
        match track {
            Track::Stable => self.good(),
            Track::Candidate => self.plan.candidate(),
        }
    }

    /// From how many replicas the way back goes on. Another process may have gone further than this one knows: stable
    /// keeps at least what it was seen to have, and the candidate gets no more than that.
    fn standing(&self, track: Track, workload: &WorkloadState) -> Replicas {
        let (is, wanted) = (workload.track(track), self.state.track(track).replicas);
        let ours = is.revision.as_ref() == Some(self.revision_of(track));
        let seen = if ours { is.desired } else { Replicas::ZERO };
        match track {
            Track::Stable => wanted.max(seen.min(self.plan.replicas())),
            Track::Candidate => wanted.min(seen),
        }
    }

    fn raise_alarm(&mut self) {
        let waiting = self.recovery_waiting();
        self.event(Happening::Escalated(waiting));
        let again = self.now() + self.plan.recovery().deadline;
        if let Course::Recovery(recovery) = &mut self.state.course {
            recovery.alarm_at = again;
        }
    }

    pub(super) fn recovery(&self) -> Option<&RecoveryRun> {
        match &self.state.course {
            Course::Recovery(recovery) => Some(recovery),
            Course::Forward => None,
        }
    }

    /// A write that was under way when the trigger came may have landed after ours, where nothing fences it.
    fn heed_drifted_tracks(&mut self) {
        if !self.recovery().is_some_and(|recovery| recovery.off_decided) {
            return;
        }
        for track in Track::BOTH {
            if self.has_drifted(track) {
                self.state.track_mut(track).accepted = None;
            }
        }
    }

    /// Whether a look that tells of what was accepted shows another revision, a candidate that came back, or a stable
    /// that shrank. More of stable is somebody's autoscaler, and no harm.
    fn has_drifted(&self, track: Track) -> bool {
        let (wanted, Some(is)) = (self.state.track(track), self.state.fresh(track)) else { return false };
        let replicas = match track {
            Track::Stable => is.desired < wanted.replicas,
            Track::Candidate => is.desired > wanted.replicas,
        };
        let revision = wanted.replicas > Replicas::ZERO && is.revision.as_ref() != Some(&wanted.revision);
        replicas || revision
    }

    fn recover_by_router(&mut self, forced: bool) {
        let (stable, all) = (self.good().clone(), self.whole());
        // Off goes first: nothing else may come between the trigger and this write.
        self.take_off(forced);
        self.want_track(Track::Stable, &stable, all);
        if self.is_off(forced) && self.drained(forced) && self.is_stable_back(forced) {
            let candidate = self.plan.candidate().clone();
            self.want_track(Track::Candidate, &candidate, Replicas::ZERO);
            if self.state.candidate.accepted.is_some() {
                self.recovered();
            }
        }
    }

    /// Stable is again what it was, and nobody is about to change that: what its owner has shipped may not have begun to
    /// replace the old replicas, which are ready meanwhile.
    fn is_stable_back(&self, forced: bool) -> bool {
        let accepted = self.state.stable.accepted.is_some();
        let intact = self.recovery().is_some_and(|recovery| recovery.stable_intact);
        accepted && (forced || intact || self.state.is_settled(Track::Stable))
    }

    fn take_off(&mut self, forced: bool) {
        let allowed = self.allowed(forced);
        let decided = self.recovery().is_some_and(|recovery| recovery.off_decided);
        let lower = self.state.routing.exposure.raises(&allowed);
        if self.may_be_raised() && (!decided || lower) {
            // One that is under way and leaves more is overtaken.
            let overtaken = self.state.outstanding.withdraw(|effect| matches!(effect, Effect::Route(_)));
            self.state.routing.late_raises.extend(overtaken.into_iter().map(|(id, _)| id));
            self.want_route(allowed);
        } else {
            self.write_route();
        }
        if let Course::Recovery(recovery) = &mut self.state.course {
            recovery.off_decided = true;
        }
    }

    /// How much of the candidate must stay, because stable cannot take it yet.
    fn allowed(&self, forced: bool) -> Exposure {
        let Some(recovery) = self.recovery() else { return Exposure::OFF };
        let now = &self.state.routing.exposure;
        // Where stable was touched, only a look that was taken after it was put back tells of it.
        let back = self.state.stable.revision == *self.good();
        let ready = if recovery.stable_intact {
            self.state.workload().map(|workload| workload.stable.ready_of(self.good()))
        } else {
            self.state.ready(Track::Stable).filter(|_| back)
        };
        match ready {
            _ if forced => Exposure::OFF,
            None if recovery.stable_intact => Exposure::OFF,
            Some(ready) if recovery.stable_intact && ready > Replicas::ZERO => Exposure::OFF,
            // Without one ready replica of stable, off would only turn bad answers into none.
            None | Some(Replicas::ZERO) => now.clone(),
            Some(ready) => {
                let takes = Weight::share_of(ready.get(), self.plan.replicas().get());
                Exposure::weight(now.weight.min(takes.rest()).rounded_down_to(self.finest()))
            }
        }
    }

    fn finest(&self) -> Weight {
        self.plan.router().map(|router| router.finest_weight).unwrap_or_default()
    }

    /// Off by the router's word: written, and seen to be in effect, since until then the candidate still gets requests.
    /// Where nothing fences them, no raise may be on its way either.
    pub(super) fn is_off(&self, forced: bool) -> bool {
        let routing = &self.state.routing;
        if !self.may_be_raised() {
            return true;
        }
        let accepted = routing.exposure.is_off() && routing.accepted.is_some();
        let seen = routing.in_effect.is_some() || (forced && self.fenced());
        accepted && seen && (self.fenced() || !self.is_raise_under_way())
    }

    /// A raise that was withdrawn may still be carried out, until it is answered or has timed out.
    fn is_raise_under_way(&self) -> bool {
        let since = self.recovery().map_or(Elapsed::ZERO, |recovery| recovery.since);
        !self.state.routing.late_raises.is_empty() && self.now() < since + self.plan.attention().call_timeout
    }

    /// The candidate finishes the requests that it has.
    fn drained(&mut self, forced: bool) -> bool {
        let now = self.now();
        let (drain, raised) = (self.plan.recovery().drain + self.settle(), self.may_be_raised());
        let Course::Recovery(recovery) = &mut self.state.course else { return false };
        let first = recovery.off_since.is_none();
        let since = *recovery.off_since.get_or_insert(now);
        if first && raised {
            self.event(Happening::TakenOff);
        }
        forced || !raised || now >= since + drain
    }

    /// Old replicas come back and new ones go, in both directions within the plan's headroom.
    fn recover_by_replicas(&mut self, headroom: Headroom, forced: bool) {
        if let Course::Recovery(recovery) = &mut self.state.course {
            recovery.off_decided = true;
        }
        let (stable, candidate) = (self.good().clone(), self.plan.candidate().clone());
        // What a promotion has begun to overwrite is put back at once: its own write is not made again.
        if self.state.stable.revision != stable {
            let replicas = self.state.stable.replicas;
            self.want_track(Track::Stable, &stable, replicas);
        }
        let writing = self.state.stable.accepted.is_none() || self.state.candidate.accepted.is_none();
        let put_back = PutBack { all: self.whole(), headroom };
        let Some(next) = self.next_sides(put_back, forced).filter(|_| !writing) else { return };
        self.want_track(Track::Stable, &stable, next.stable);
        self.want_track(Track::Candidate, &candidate, next.candidate);
        let candidate_is_gone = self.state.candidate.accepted.is_some() && self.is_edit_through(forced);
        if next == put_back.end() && candidate_is_gone && self.is_stable_back(forced) {
            self.recovered();
        }
    }

    /// Where both tracks are in one object what somebody has made of it takes the place of the candidate's replicas, too.
    fn is_edit_through(&self, forced: bool) -> bool {
        let through = || self.state.fresh(Track::Stable).is_some_and(|stable| stable.ready >= stable.desired);
        let in_place = matches!(self.plan.mode(), Mode::InPlace(_));
        forced || !in_place || self.edited().is_none() || through()
    }

    /// How many replicas stable shall have again: no fewer than somebody has given it meanwhile.
    fn whole(&self) -> Replicas {
        self.plan.replicas().max(self.state.stable.replicas)
    }

    /// How many of each there shall be next; none before both were looked at.
    fn next_sides(&self, put_back: PutBack, forced: bool) -> Option<Sides> {
        if forced {
            return Some(put_back.end());
        }
        let workload = self.state.workload()?;
        self.state.fresh(Track::Stable).and(self.state.fresh(Track::Candidate))?;
        let [stable, candidate] = Track::BOTH.map(|track| self.standing(track, workload));
        let wanted = Sides { stable, candidate };
        let ready = Sides {
            stable: workload.stable.ready_of(self.good()),
            candidate: workload.candidate.ready_of(self.plan.candidate()),
        };
        Some(put_back.next(wanted, ready))
    }

    /// A snapshot may not know of what only marks tell, and what is not claimed an older owner may still change: the end is
    /// not told before.
    fn recovered(&mut self) {
        if self.state.begun && !self.state.attach.done {
            return;
        }
        let Some(cause) = self.recovery().map(|recovery| recovery.cause.clone()) else { return };
        let aborted = cause.is_abort();
        let report = self.report(Some(cause));
        self.finish(if aborted { Outcome::Aborted(report) } else { Outcome::RolledBack(report) });
    }

    pub(super) fn recovery_due(&self) -> Option<Elapsed> {
        let recovery = self.recovery()?;
        let drained = recovery.off_since.map(|since| since + self.plan.recovery().drain + self.settle());
        Some(drained.map_or(recovery.alarm_at, |at| if at > self.now() { at } else { recovery.alarm_at }))
    }
}
