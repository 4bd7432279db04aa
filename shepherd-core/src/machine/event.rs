use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cause, WaitingFor};
use crate::guard::Finding;
use crate::model::{Actor, Exposure, Reason, StageName, Timestamp, Verdict};

/// Something that happened, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, on the wall.
    pub at: Timestamp,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Happening {
    /// The outside is known and the rollout goes on, from this stage.
    Attached(StageName),
    /// The marks outside tell that it had come further than was saved: to this stage.
    CaughtUp(StageName),
    /// A stage began.
    Entered(StageName),
    /// A stage is through.
    Completed(StageName),
    /// Users meet the candidate so, by the router's own word.
    Exposed(Exposure),
    /// A gate answered.
    Checked(Verdict),
    /// People are asked.
    AwaitsApproval(StageName),
    /// Somebody approved.
    Approved(Actor),
    /// It holds still.
    Paused(Reason),
    /// It goes on.
    Resumed(Actor),
    /// A person passed over a stage.
    Skipped {
        /// Who.
        by: Actor,
        /// Which.
        stage: StageName,
    },
    /// A person passed over all that only waits.
    Hurried(Actor),
    /// A guard fired whose action is not to roll back.
    Noticed(Finding),
    /// What the router shows is not what was written. More than that is put right at once; what else happens the plan's
    /// [`Drift`](crate::plan::Drift) says.
    Drifted(Exposure),
    /// It is taken back.
    Triggered(Cause),
    /// The candidate's traffic is off, by the router's own word.
    TakenOff,
    /// The way back, or the clean-up after the promotion, is not through in time; it goes on trying.
    Escalated(WaitingFor),
    /// It has ended.
    Finished(Ending),
}

/// How it ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// The candidate is stable.
    Promoted,
    /// It was taken back.
    RolledBack,
    /// A person ended it.
    Aborted,
    /// It never began.
    Refused,
}

impl Happening {
    /// Whether people are told, and not only those who watch.
    pub fn is_notable(&self) -> bool {
        matches!(
            self,
            Happening::AwaitsApproval(_)
                | Happening::Paused(_)
                | Happening::Noticed(_)
                | Happening::Drifted(_)
                | Happening::Triggered(_)
                | Happening::Escalated(_)
                | Happening::Finished(_)
        )
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Happening::Attached(stage) => write!(f, "attached at {stage}"),
            Happening::CaughtUp(stage) => write!(f, "had come to {stage} already"),
            Happening::Entered(stage) => write!(f, "{stage} begins"),
            Happening::Completed(stage) => write!(f, "{stage} is through"),
            Happening::Exposed(exposure) => write!(f, "{exposure} to the candidate"),
            Happening::Checked(verdict) => write!(f, "gate: {verdict}"),
            Happening::AwaitsApproval(stage) => write!(f, "{stage} waits for approval"),
            Happening::Approved(by) => write!(f, "approved by {by}"),
            Happening::Paused(reason) => write!(f, "paused: {reason}"),
            Happening::Resumed(by) => write!(f, "resumed by {by}"),
            Happening::Skipped { by, stage } => write!(f, "{stage} skipped by {by}"),
            Happening::Hurried(by) => write!(f, "promoted by {by} without waiting"),
            Happening::Noticed(finding) => write!(f, "noticed: {finding}"),
            Happening::Drifted(exposure) => write!(f, "somebody changed the routing to {exposure}"),
            Happening::Triggered(cause) => write!(f, "taken back: {cause}"),
            Happening::TakenOff => write!(f, "the candidate's traffic is off"),
            Happening::Escalated(waiting) => write!(f, "not through in time, and tried on: {waiting}"),
            Happening::Finished(ending) => write!(f, "{ending}"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Ending::Promoted => "promoted",
            Ending::RolledBack => "rolled back",
            Ending::Aborted => "aborted",
            Ending::Refused => "refused",
        })
    }
}
