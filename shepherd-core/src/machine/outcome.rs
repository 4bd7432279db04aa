use serde::{Deserialize, Serialize};

use super::{Cause, Ending};
use crate::model::{Actor, Reason, Revision, RolloutId, StageName, Target, Timestamp};

/// How a rollout ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// The candidate is stable.
    Promoted(Box<Report>),
    /// It was taken back; stable serves as before.
    RolledBack(Box<Report>),
    /// A person ended it; stable serves as before.
    Aborted(Box<Report>),
    /// It never began, and nothing was changed.
    Refused {
        /// What is in the way, and what to do.
        reason: Reason,
        /// The rest.
        report: Box<Report>,
    },
}

/// What there is to tell about a rollout that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Which rollout.
    pub rollout: RolloutId,
    /// What was rolled out.
    pub target: Target,
    /// What served before.
    pub stable: Revision,
    /// What was to come.
    pub candidate: Revision,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The last stage that it was in.
    pub stage: StageName,
    /// Why it was taken back, when it was.
    pub cause: Option<Cause>,
    /// What people passed over.
    pub overrides: Vec<Override>,
    /// What is wanted next: a revision that came meanwhile, or the way back of an abort that came too late.
    pub next: Option<Next>,
}

/// Something that a person passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Who.
    pub by: Actor,
    /// The stage that the rollout was in.
    pub stage: StageName,
    /// When.
    pub at: Timestamp,
    /// Whether it was all that only waits, up to the promotion.
    pub to_promotion: bool,
}

/// The rollout that is wanted after this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// To which revision.
    pub revision: Revision,
    /// Who wants it.
    pub by: Actor,
    /// Why.
    pub reason: Reason,
}

impl Outcome {
    /// In a word.
    pub fn ending(&self) -> Ending {
        match self {
            Outcome::Promoted(_) => Ending::Promoted,
            Outcome::RolledBack(_) => Ending::RolledBack,
            Outcome::Aborted(_) => Ending::Aborted,
            Outcome::Refused { .. } => Ending::Refused,
        }
    }

    /// What there is to tell.
    pub fn report(&self) -> &Report {
        match self {
            Outcome::Promoted(report)
            | Outcome::RolledBack(report)
            | Outcome::Aborted(report)
            | Outcome::Refused { report, .. } => report,
        }
    }

    pub(super) fn report_mut(&mut self) -> &mut Report {
        match self {
            Outcome::Promoted(report)
            | Outcome::RolledBack(report)
            | Outcome::Aborted(report)
            | Outcome::Refused { report, .. } => report,
        }
    }

    /// Why it ended so, in a sentence.
    pub fn why(&self) -> String {
        match (self, &self.report().cause) {
            (Outcome::Refused { reason, .. }, _) => reason.to_string(),
            (_, Some(cause)) => cause.to_string(),
            (_, None) => "every stage passed".to_owned(),
        }
    }
}
