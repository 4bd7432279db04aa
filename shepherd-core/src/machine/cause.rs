use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::guard::Finding;
use crate::model::{Actor, Failure, Reason, Replicas, Revision, StageName, human_duration};

/// Why a rollout was taken back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// A guard fired.
    Guard(Finding),
    /// A stage failed.
    StageFailed {
        /// Which.
        stage: StageName,
        /// Why.
        reason: Reason,
    },
    /// A stage took too long.
    Deadline {
        /// Which.
        stage: StageName,
        /// How long it might have taken.
        #[serde(with = "human_duration")]
        within: Duration,
        /// What it waited for.
        waiting: Reason,
    },
    /// Candidate replicas fail, in the backend's own words.
    Failing(Reason),
    /// Users meet a candidate with too few ready replicas.
    LostCapacity {
        /// How many are ready.
        ready: Replicas,
        /// How many that traffic needs.
        needed: Replicas,
    },
    /// The outside could not be observed for too long.
    Blind(Failure),
    /// Nobody drove it for too long.
    Unattended(#[serde(with = "human_duration")] Duration),
    /// A person ended it.
    Aborted {
        /// Who.
        by: Actor,
        /// Why.
        reason: Reason,
    },
    /// A person took it back.
    RolledBack {
        /// Who.
        by: Actor,
        /// Why.
        reason: Reason,
    },
    /// Another revision is wanted.
    Superseded {
        /// Who wants it.
        by: Actor,
        /// Which.
        revision: Revision,
    },
    /// It had been taken off before it was resumed: the backend's mark says so.
    FoundOff(Reason),
    /// The router shows less than was confirmed, and cannot say who did it.
    TakenOffElsewhere,
    /// Somebody gave stable another revision meanwhile. It stays.
    StableEdited(Revision),
    /// Somebody gave the candidate another revision meanwhile.
    CandidateEdited(Revision),
    /// What it needs could not be claimed.
    CannotAttach(Reason),
}

impl Cause {
    /// Whether a person ended it, rather than took it back.
    pub(super) fn is_abort(&self) -> bool {
        matches!(self, Cause::Aborted { .. })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = human_duration::show;
        match self {
            Cause::Guard(finding) => finding.fmt(f),
            Cause::StageFailed { stage, reason } => write!(f, "stage {stage} failed: {reason}"),
            Cause::Deadline { stage, within, waiting } => {
                write!(f, "stage {stage} was not through within {}: {waiting}", show(*within))
            }
            Cause::Failing(reason) => write!(f, "candidate replicas fail: {reason}"),
            Cause::LostCapacity { ready, needed } => {
                write!(f, "only {ready} candidate replicas are ready, and its traffic needs {needed}")
            }
            Cause::Blind(failure) => write!(f, "nothing could be observed: {failure}"),
            Cause::Unattended(time) => write!(f, "nobody drove it for {}", show(*time)),
            Cause::Aborted { by, reason } => write!(f, "aborted by {by}: {reason}"),
            Cause::RolledBack { by, reason } => write!(f, "rolled back by {by}: {reason}"),
            Cause::Superseded { by, revision } => write!(f, "{by} wants {revision} instead"),
            Cause::FoundOff(reason) => write!(f, "it had been taken off before: {reason}"),
            Cause::TakenOffElsewhere => write!(f, "somebody else took its traffic off"),
            Cause::StableEdited(revision) => {
                write!(
                    f,
                    "somebody made stable {revision}; what they make of it stays, and once it is through a new rollout \
                     goes on from there"
                )
            }
            Cause::CandidateEdited(revision) => {
                write!(f, "somebody made the candidate {revision}, which nobody has asked to roll out")
            }
            Cause::CannotAttach(reason) => write!(f, "it could not take hold of the target: {reason}"),
        }
    }
}
