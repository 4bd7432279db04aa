//! Watching after the promotion. It is a thing of its own: the outcome stands, and what a guard finds now asks for the
//! way back as a rollout of its own.

use super::event::Happening;
use super::outcome::{Next, Outcome};
use super::rollout_machine::Machine;
use super::state::Aftercare;
use super::{Effect, Save};
use crate::guard::{Finding, Guard, GuardAction, GuardVerdict};
use crate::model::{Actor, Elapsed, Failure, Measurement, Reason, Track};
use crate::plan::Promotion;

impl Machine {
    pub(super) fn begin_aftercare(&mut self, outcome: &Outcome) {
        let watched = matches!(outcome, Outcome::Promoted(_))
            && self.state.next.is_none()
            && !self.plan.guards().is_empty();
        self.state.aftercare =
            self.plan.watch_after().filter(|_| watched).map(|time| Aftercare { until: self.now() + time });
        self.state.round.due = self.now();
    }

    /// Goes on measuring until the time is over.
    pub(super) fn care(&mut self) {
        let Some(aftercare) = self.state.aftercare else { return };
        if self.now() >= aftercare.until {
            self.end_aftercare();
        } else if self.now() >= self.state.round.due && !self.state.outstanding.any(Effect::is_observation) {
            self.state.round.due = self.now() + self.plan.attention().beat;
            self.emit(Effect::Measure { cursor: self.state.cursor.clone() });
        }
    }

    pub(super) fn care_due(&self) -> Elapsed {
        let next_beat = self.now() + self.plan.attention().beat;
        // Only people are left to be told, and their answer comes by itself.
        let Some(aftercare) = self.state.aftercare else { return next_beat };
        let asking = self.state.outstanding.any(Effect::is_observation);
        let due = if asking { next_beat } else { self.state.round.due };
        due.min(aftercare.until).max(self.now())
    }

    pub(super) fn measured_after(&mut self, reading: Result<&Measurement, &Failure>) {
        let served = match self.plan.promotion() {
            Promotion::Copy => reading.map(by_serving_track),
            Promotion::Swap => reading.cloned(),
        };
        let (now, gap) = (self.now(), self.plan.attention().max_gap);
        let plan = self.plan.clone();
        let watching = self.derived.ranges.iter().map(|range| *range.end() == self.derived.promote);
        for ((guard, state), watches) in plan.guards().iter().zip(&mut self.state.guards).zip(watching) {
            if guard.is_relative() || !watches {
                continue;
            }
            if let GuardVerdict::Fired(finding) =
                state.observe(guard, now, served.as_ref().map_err(|failure| *failure), gap)
            {
                self.found_after(guard, finding);
                return;
            }
        }
    }

    fn found_after(&mut self, guard: &Guard, finding: Finding) {
        let reverts = guard.action() == GuardAction::RollBack;
        let reason = Reason::new(finding.to_string());
        self.event(Happening::Noticed(finding));
        let by = Actor::new("shepherd").ok().filter(|_| reverts);
        if let (Some(by), Some(outcome)) = (by, &mut self.state.outcome) {
            outcome.report_mut().next = Some(Next { revision: self.plan.stable().clone(), by, reason });
            self.end_aftercare();
        }
    }

    fn end_aftercare(&mut self) {
        self.state.aftercare = None;
        self.state.outstanding.withdraw(Effect::is_observation);
        self.save(Save::Now);
    }
}

/// After a promotion by copy the new revision serves on the stable track.
fn by_serving_track(measurement: &Measurement) -> Measurement {
    let mut swapped = measurement.clone();
    for reading in &mut swapped.readings {
        reading.track = match reading.track {
            Track::Stable => Track::Candidate,
            Track::Candidate => Track::Stable,
        };
    }
    swapped
}
