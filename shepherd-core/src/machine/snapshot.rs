use std::fmt;

use serde::{Deserialize, Serialize};

use super::state::State;
use super::{Outcome, Phase};
use crate::model::{Epoch, RolloutId};
use crate::plan::Plan;

/// Everything of a rollout that must survive the process: its plan, and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    version: SnapshotVersion,
    plan: Plan,
    state: State,
}

/// The form that a snapshot is written in. Later releases may write later ones, and read the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SnapshotVersion(u32);

/// Why a snapshot cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A later release wrote it.
    #[error(
        "the snapshot is of version {0}, and this release reads versions up to {current}; use a later release",
        current = SnapshotVersion::CURRENT
    )]
    TooNew(SnapshotVersion),
    /// It is no snapshot.
    #[error("the snapshot cannot be read: {0}")]
    Unreadable(String),
    /// It does not fit the plan that it carries.
    #[error("the snapshot does not fit its plan: {0}")]
    Inconsistent(&'static str),
}

impl SnapshotVersion {
    /// The one that this release writes, and the latest that it reads.
    pub const CURRENT: SnapshotVersion = SnapshotVersion(1);

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Snapshot {
    pub(super) fn of(plan: Plan, state: State) -> Self {
        Self { version: SnapshotVersion::CURRENT, plan, state }
    }

    pub(super) fn into_parts(self) -> Result<(Plan, State), SnapshotError> {
        if self.plan.stage(self.state.run.index).is_none() {
            return Err(SnapshotError::Inconsistent("it is in a stage that the plan does not have"));
        }
        if self.state.guards.len() != self.plan.guards().len() {
            return Err(SnapshotError::Inconsistent("it knows other guards than the plan"));
        }
        Ok((self.plan, self.state))
    }

    /// As JSON: a few KB, floats kept exactly.
    ///
    /// # Errors
    /// Never for a snapshot that a machine took.
    pub fn encode(&self) -> Result<String, SnapshotError> {
        serde_json::to_string(self).map_err(|error| SnapshotError::Unreadable(error.to_string()))
    }

    /// From JSON.
    ///
    /// # Errors
    /// [`SnapshotError`] when it is of a later release, no snapshot at all, or does not fit its own plan.
    pub fn decode(text: &str) -> Result<Self, SnapshotError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: SnapshotVersion,
        }
        let unreadable = |error: serde_json::Error| SnapshotError::Unreadable(error.to_string());
        let Versioned { version } = serde_json::from_str(text).map_err(unreadable)?;
        if version > SnapshotVersion::CURRENT {
            return Err(SnapshotError::TooNew(version));
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// The plan that it carries out.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Which rollout it is of.
    pub fn rollout(&self) -> &RolloutId {
        &self.state.rollout
    }

    /// Whose it is.
    pub fn epoch(&self) -> Epoch {
        self.state.epoch
    }

    /// How it ended, when it has.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.state.outcome.as_ref()
    }

    /// Whether nothing was left to do: it had ended, was watched for as long as the plan says, and people were told.
    pub fn is_done(&self) -> bool {
        self.state.is_done()
    }

    /// Whether users may have met the candidate, or replicas of it may run. Not all of that is saved: marks tell it.
    pub fn is_exposed(&self) -> bool {
        self.state.outcome.is_none() && self.state.begun
    }

    /// Where it stood.
    pub fn phase(&self) -> Phase {
        Phase::of(&self.state)
    }
}

impl fmt::Display for SnapshotVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_later_release_is_refused_by_its_version() {
        let later = SnapshotVersion(SnapshotVersion::CURRENT.get() + 1);
        let refused = Snapshot::decode(r#"{"version":2,"unknown":"to us"}"#).unwrap_err();
        assert_eq!(refused, SnapshotError::TooNew(later));
        let text =
            "the snapshot is of version 2, and this release reads versions up to 1; use a later release";
        assert_eq!(refused.to_string(), text);
    }
}
