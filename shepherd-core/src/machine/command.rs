use serde::{Deserialize, Serialize};

use super::event::Happening;
use super::outcome::{Next, Override};
use super::rollout_machine::Machine;
use super::state::{Course, Hold};
use super::{Cause, Save};
use crate::model::{Actor, Reason, Revision};
use crate::plan::{Action, Approval};

/// A lever that a person pulls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Command {
    /// Hold still. Guards stay awake.
    Pause {
        /// Why.
        reason: Reason,
    },
    /// Go on; a stage that failed is tried again.
    Resume,
    /// Approve the stage that asks.
    Approve,
    /// Pass over the stage, when it only waits or asks.
    Skip,
    /// Pass over everything that only waits or asks, up to the promotion. Capacity is still waited for.
    Promote,
    /// End it: traffic back on stable.
    Abort {
        /// Why.
        reason: Reason,
    },
    /// Take it back.
    RollBack {
        /// Why.
        reason: Reason,
        /// Do not wait for stable's capacity, nor for the candidate's last requests.
        force: bool,
    },
    /// Another revision is wanted instead.
    Supersede {
        /// Which.
        revision: Revision,
    },
}

/// Why a lever does nothing now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(why.into()))
}

impl Machine {
    /// What was accepted is saved at once: somebody waits for it.
    pub(super) fn command(&mut self, by: Actor, command: Command) -> Result<(), Refusal> {
        if self.state.outcome.is_some() {
            return refuse("the rollout has ended");
        }
        self.pull(by, command)?;
        self.save(Save::Now);
        Ok(())
    }

    fn pull(&mut self, by: Actor, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Abort { reason } => self.abort(by, reason),
            Command::RollBack { reason, force } => self.roll_back(by, reason, force),
            Command::Supersede { revision } => self.supersede(by, revision),
            _ if matches!(self.state.course, Course::Recovery(_)) => {
                return refuse("it is being taken back, and nothing but a forced rollback hastens that");
            }
            Command::Pause { reason } => self.hold(reason),
            Command::Resume => return self.resume_by(by),
            Command::Approve => return self.approve(by),
            Command::Skip => return self.skip(by),
            Command::Promote => return self.hurry(by),
        }
        Ok(())
    }

    fn abort(&mut self, by: Actor, reason: Reason) {
        // Whoever ends it wants nothing instead.
        self.state.next = None;
        if self.promoted() {
            self.revert_next(by, reason);
        } else {
            self.trigger(Cause::Aborted { by, reason });
        }
    }

    fn roll_back(&mut self, by: Actor, reason: Reason, force: bool) {
        if self.promoted() {
            self.revert_next(by, reason);
            return;
        }
        self.trigger(Cause::RolledBack { by, reason });
        if let Course::Recovery(recovery) = &mut self.state.course {
            recovery.forced |= force;
        }
    }

    /// After the promotion there is nothing to take off: it finishes, and the way back is a rollout of its own.
    pub(super) fn revert_next(&mut self, by: Actor, reason: Reason) {
        self.state.next = Some(Next { revision: self.plan.stable().clone(), by, reason });
    }

    fn supersede(&mut self, by: Actor, revision: Revision) {
        if revision == *self.plan.candidate() {
            // The last wish counts: what was wanted instead is not wanted any more.
            self.state.next = None;
            return;
        }
        if revision == *self.plan.stable() {
            return self.abort(by, Reason::new(format!("{revision} is wanted again")));
        }
        let reason = Reason::new("it came while another was rolled out");
        self.state.next = Some(Next { revision: revision.clone(), by: by.clone(), reason });
        if !self.promoting() {
            self.trigger(Cause::Superseded { by, revision });
        }
    }

    pub(super) fn hold(&mut self, reason: Reason) {
        if self.state.hold.is_none() {
            self.event(Happening::Paused(reason.clone()));
            self.state.hold = Some(Hold { reason, since: self.state.time.attended });
            self.save(Save::Soon);
        }
    }

    fn resume_by(&mut self, by: Actor) -> Result<(), Refusal> {
        let Some(hold) = self.state.hold.take() else { return refuse("it is not paused") };
        self.go_on(&hold);
        self.event(Happening::Resumed(by));
        Ok(())
    }

    /// A stage that failed begins anew; any other finds its deadline as far off as when the pause began.
    fn go_on(&mut self, hold: &Hold) {
        let paused_for = self.state.time.attended - hold.since;
        if self.state.run.failed {
            self.begin_stage(self.state.run.index);
        } else {
            let run = &mut self.state.run;
            for at in run.deadline.iter_mut().chain(&mut run.unwritten_since) {
                *at = *at + paused_for;
            }
        }
    }

    /// Before the first stage has begun there is nothing to pass over or to approve.
    fn has_begun(&self) -> Result<(), Refusal> {
        if self.state.begun {
            Ok(())
        } else {
            refuse("it has not begun yet: it still takes hold of the target")
        }
    }

    fn approve(&mut self, by: Actor) -> Result<(), Refusal> {
        self.has_begun()?;
        let Action::Approve(Approval { by: people, .. }) = self.stage().action() else {
            return refuse(format!("stage {} asks nobody", self.stage().name()));
        };
        if !people.is_empty() && !people.contains(&by) {
            return refuse(format!("{by} is none of those who may approve {}", self.stage().name()));
        }
        if !self.state.run.approvals.contains(&by) {
            self.state.run.approvals.push(by.clone());
            self.event(Happening::Approved(by));
        }
        Ok(())
    }

    fn skip(&mut self, by: Actor) -> Result<(), Refusal> {
        self.has_begun()?;
        if !self.stage().action().can_be_skipped() {
            return refuse(format!(
                "stage {} moves capacity or traffic and cannot be skipped",
                self.stage().name()
            ));
        }
        let stage = self.stage().name().clone();
        self.record(by.clone(), false);
        self.event(Happening::Skipped { by, stage });
        self.state.hold = None;
        self.complete_stage();
        Ok(())
    }

    fn hurry(&mut self, by: Actor) -> Result<(), Refusal> {
        if self.promoting() {
            return refuse("it is being promoted already");
        }
        self.record(by.clone(), true);
        self.event(Happening::Hurried(by.clone()));
        self.state.hurried = Some(by);
        if let Some(hold) = self.state.hold.take() {
            self.go_on(&hold);
        }
        Ok(())
    }

    fn record(&mut self, by: Actor, to_promotion: bool) {
        let (stage, at) = (self.stage().name().clone(), self.state.time.wall);
        self.state.overrides.push(Override { by, stage, at, to_promotion });
    }
}
