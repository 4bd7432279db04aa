//! What a snapshot does not know and marks tell: how far the rollout came after the last save. A write of a stage is
//! made only when all stages before it are through, and whatever a person did was saved before it. So those stages are
//! passed over as done, and the one that was written for is begun anew.

use super::EffectId;
use super::event::Happening;
use super::rollout_machine::Machine;
use super::state::Course;
use crate::model::{Exposure, Replicas, StageIndex, Track};
use crate::plan::{Action, Promotion};

impl Machine {
    pub(super) fn catch_up(&mut self) {
        let present = self.state.run.index;
        let told = self.state.attach.told.furthest().filter(|told| self.plan.stage(*told).is_some());
        let Some(told) = told.filter(|told| *told >= present) else { return };
        let mut stage = present;
        while stage < told {
            self.pass(stage);
            stage = stage.next();
        }
        if told > present && matches!(self.state.course, Course::Forward) {
            // What was decided for a stage that is through is not to be done any more.
            self.state.outstanding.withdraw(super::Effect::is_act);
            self.event(Happening::CaughtUp(self.stage_name(told)));
            self.begin_stage(told);
        }
        self.take_what_is_written(told);
    }

    /// What a stage that is through has left.
    fn pass(&mut self, stage: StageIndex) {
        let Some(action) = self.plan.stage(stage).map(|stage| stage.action().clone()) else { return };
        match action {
            Action::Scale { track, replicas } => self.leave_track(track, replicas, EffectId::default()),
            Action::Retire { track, .. } => self.leave_track(track, Replicas::ZERO, EffectId::default()),
            Action::Promote if self.plan.promotion() == Promotion::Copy => {
                self.state.stable.revision = self.plan.candidate().clone();
                self.leave_track(Track::Stable, self.plan.replicas(), EffectId::default());
            }
            Action::Expose(_) | Action::Switch => {
                if let Some(exposure) = action.exposure() {
                    self.leave_route(exposure, EffectId::default());
                }
            }
            _ => {}
        }
    }

    /// Of the stage itself stands there what was written last, unless somebody has changed it since.
    fn take_what_is_written(&mut self, stage: StageIndex) {
        let told = self.state.attach.told;
        let Some(action) = self.plan.stage(stage).map(|stage| stage.action().clone()) else { return };
        if let Action::Scale { track, replicas } = action
            && told.track(track) == Some(stage)
            && let Some((seen, workload)) = &self.state.seen.workload
            && workload.track(track).desired == replicas
        {
            self.leave_track(track, replicas, *seen);
        }
        if let Some(exposure) = action.exposure()
            && told.routing() == Some(stage)
            && let Some((seen, routing)) = &self.state.seen.routing
            && routing.exposure == exposure
        {
            self.leave_route(exposure, *seen);
        }
    }

    fn leave_track(&mut self, track: Track, replicas: Replicas, accepted: EffectId) {
        let wanted = self.state.track_mut(track);
        wanted.replicas = replicas;
        wanted.accepted = Some(accepted);
    }

    fn leave_route(&mut self, exposure: Exposure, accepted: EffectId) {
        if self.recovering() {
            // What is meant to be taken off is not shown again.
            return;
        }
        let routing = &mut self.state.routing;
        routing.raised |= !exposure.is_off();
        routing.confirmed = exposure.clone();
        routing.exposure = exposure;
        routing.accepted = Some(accepted);
        routing.in_effect = None;
    }
}
