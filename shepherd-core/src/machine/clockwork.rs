//! The rollout's own time: what passes between two steps, what was not attended, and when it wants to be stepped again.

use std::time::Duration;

use super::rollout_machine::Machine;
use super::{Cause, Effect};
use crate::model::{Elapsed, Now, Reason, Replicas};
use crate::plan::Unattended;

impl Machine {
    /// Time passes. What lies between two steps too far apart was not attended.
    pub(super) fn attend(&mut self, now: Now) {
        let attention = *self.plan.attention();
        let time = &mut self.state.time;
        let delta = time.last.map_or(Duration::ZERO, |last| now.elapsed - last);
        // A suspended machine shows only on the wall.
        let absent = now.wall.since(time.wall).max(delta);
        // However long it was, a gap counts as one that is just too long to connect what lies on its two sides.
        time.attended = time.attended + delta.min(attention.max_gap + Duration::from_millis(1));
        time.last = Some(time.last.map_or(now.elapsed, |last| last.max(now.elapsed)));
        time.wall = time.wall.max(now.wall);
        if absent > attention.unattended_after {
            self.state.absent = self.state.absent.max(absent);
        }
        self.heed_absence();
    }

    /// Whether users meet the candidate may be known only when its marks are.
    pub(super) fn heed_absence(&mut self) {
        let exposed = !self.state.routing.exposure.is_off() || self.state.candidate.replicas > Replicas::ZERO;
        if self.state.absent.is_zero() || (!exposed && !self.state.attach.done) {
            return;
        }
        let absent = std::mem::take(&mut self.state.absent);
        if exposed && !self.promoted() && self.state.outcome.is_none() {
            self.was_unattended(absent);
        }
    }

    fn was_unattended(&mut self, absent: Duration) {
        match self.plan.attention().unattended {
            Unattended::RollBack => self.trigger(Cause::Unattended(absent)),
            Unattended::Hold => {
                self.hold(Reason::new(Cause::Unattended(absent).to_string()));
            }
        }
    }

    /// The next moment at which something must be decided, in attended time.
    pub(super) fn wake(&self) -> Option<Elapsed> {
        if self.is_done() {
            return None;
        }
        let state = &self.state;
        if state.outcome.is_some() {
            return Some(self.care_due());
        }
        let latest = self.now() + self.plan.attention().beat;
        let mut wake = latest;
        if !state.outstanding.any(Effect::is_observation)
            && (state.attach.claimed(self.routed()) || self.recovering())
        {
            wake = wake.min(state.round.due);
        }
        let later = [
            self.stage_due(),
            Some(state.retry_at),
            Some(state.run.next_try),
            state.run.acted.map(|acted| acted + self.drain()),
            state.routing.in_effect.map(|since| since + self.settle()),
            self.drained_at(),
            self.recovery_due(),
        ];
        wake = later.into_iter().flatten().filter(|at| *at > self.now()).fold(wake, Elapsed::min);
        Some(wake.max(self.now()))
    }
}
