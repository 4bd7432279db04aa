//! What a snapshot does not know and marks tell: how far the rollout came after the last save. A write of a stage is
//! made only when all stages before it are through, and whatever a person did was saved before it. So those stages are
//! passed over as done, and the one that was written for is begun anew.

use super::event::Happening;
use super::rollout_machine::Machine;
use super::state::{Course, RecoveryRun};
use super::{Cause, Effect, EffectId};
use crate::model::{Exposure, Reason, Replicas, StageIndex, Track};
use crate::plan::{Action, Promotion, Stage};

impl Machine {
    pub(super) fn catch_up(&mut self) {
        let present = self.state.run.index;
        let told = self.state.attach.told.furthest().filter(|told| self.plan.stage(*told).is_some());
        let Some(told) = told.filter(|told| *told >= present) else { return };
        if let Some(saved_first) = self.saved_first(present, told) {
            return self.doubt(told, saved_first);
        }
        if present == self.derived.promote && told > present {
            self.find_promoted();
        }
        let mut stage = present;
        while stage < told {
            self.pass(stage);
            stage = stage.next();
        }
        if told > present && !self.recovering() {
            // What was decided for a stage that is through is not to be done any more.
            self.state.outstanding.withdraw(Effect::is_act);
            self.event(Happening::CaughtUp(self.stage_name(told)));
            self.begin_stage(told);
        }
        self.take_what_is_written(told);
    }

    /// A stage that is never passed without a save, between the one that was saved and the one that marks tell of.
    fn saved_first(&self, present: StageIndex, told: StageIndex) -> Option<StageIndex> {
        let mut between = std::iter::successors(Some(present.next()), |stage| Some(stage.next()));
        between.by_ref().take_while(|stage| *stage < told).find(|stage| {
            let action = self.plan.stage(*stage).map(Stage::action);
            action.is_some_and(|action| match action {
                Action::Hook(_) => true,
                Action::Approve(_) => self.state.hurried.is_none(),
                Action::Promote => self.plan.promotion() == Promotion::Copy,
                Action::Scale { track, replicas } => {
                    *track == Track::Stable && *replicas != self.state.stable.replicas
                }
                Action::Retire { track, .. } => *track == Track::Stable,
                _ => false,
            })
        })
    }

    /// Marks that no rollout of this plan can have left were left by somebody else.
    fn doubt(&mut self, told: StageIndex, saved_first: StageIndex) {
        if !self.recovering() {
            let (told, saved_first) = (self.stage_name(told), self.stage_name(saved_first));
            self.hold(Reason::new(format!(
                "the marks outside say that it had come to {told}, but {saved_first} was never begun; somebody has \
                 changed them: look at the target, then resume, or abort"
            )));
        }
    }

    /// Its marks are from after the promotion. Whoever had come to take it back meanwhile is as late as he would have been
    /// without the kill.
    fn find_promoted(&mut self) {
        match std::mem::replace(&mut self.state.course, Course::Forward) {
            Course::Recovery(RecoveryRun {
                cause: Cause::Aborted { by, reason } | Cause::RolledBack { by, reason },
                ..
            }) => self.revert_next(by, reason),
            Course::Recovery(_) | Course::Forward => {}
        }
    }

    /// What a stage that is through has left.
    fn pass(&mut self, stage: StageIndex) {
        let Some(action) = self.plan.stage(stage).map(|stage| stage.action().clone()) else { return };
        match action {
            Action::Scale { track, replicas } => self.leave_track(track, replicas, Some(EffectId::default())),
            Action::Retire { track, .. } => {
                self.leave_track(track, Replicas::ZERO, Some(EffectId::default()));
            }
            Action::Promote if self.plan.promotion() == Promotion::Copy => {
                self.state.stable.revision = self.plan.candidate().clone();
                self.leave_track(Track::Stable, self.plan.replicas(), Some(EffectId::default()));
            }
            Action::Expose(_) | Action::Switch => {
                if let Some(exposure) = action.exposure() {
                    self.leave_route(exposure, EffectId::default());
                }
            }
            _ => {}
        }
    }

    /// Of the stage itself stands there what was written last, unless somebody has changed it since. The way back begins
    /// from whatever stands there. Replicas are asked for once more: a backend that has taken the mark may not have done
    /// all that goes with it.
    fn take_what_is_written(&mut self, stage: StageIndex) {
        let told = self.state.attach.told;
        let Some(action) = self.plan.stage(stage).map(|stage| stage.action().clone()) else { return };
        if let Action::Scale { track, replicas } = action
            && told.track(track) == Some(stage)
            && let Some(workload) = self.state.workload()
            && workload.track(track).desired == replicas
        {
            self.leave_track(track, replicas, None);
        }
        if let Some((seen, routing)) = &self.state.seen.routing
            && (self.recovering()
                || told.routing() == Some(stage) && action.exposure().as_ref() == Some(&routing.exposure))
        {
            self.leave_route(routing.exposure.clone(), *seen);
        }
    }

    fn leave_track(&mut self, track: Track, replicas: Replicas, accepted: Option<EffectId>) {
        let writes = |effect: &Effect| matches!(effect, Effect::Deploy { spec, .. } if spec.track == track);
        self.state.outstanding.withdraw(writes);
        let wanted = self.state.track_mut(track);
        wanted.replicas = replicas;
        wanted.accepted = accepted;
    }

    fn leave_route(&mut self, exposure: Exposure, accepted: EffectId) {
        if self.recovery().is_some_and(|recovery| recovery.off_decided) {
            // What is meant to be taken off is not shown again.
            return;
        }
        self.state.outstanding.withdraw(|effect| matches!(effect, Effect::Route(_)));
        let routing = &mut self.state.routing;
        routing.raised |= !exposure.is_off();
        routing.confirmed = exposure.clone();
        routing.exposure = exposure;
        routing.accepted = Some(accepted);
        routing.in_effect = None;
    }
}
