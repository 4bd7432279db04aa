use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::human_duration;

/// Who must act on a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// Nobody: the same call may succeed later.
    Transient,
    /// Nobody: somebody else wrote in between; look again, then decide again.
    Conflict,
    /// The caller: another driver has taken over and this one must stop.
    Fenced,
    /// An administrator: a permission is missing.
    Denied,
    /// The author of the plan: the backend cannot do what was asked.
    Unsupported,
    /// A person: the same call will fail again.
    Permanent,
}

/// What went wrong outside, as data: it travels into the machine, into snapshots and into reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{backend}: {message} ({kind})")]
pub struct Failure {
    /// Who must act.
    pub kind: FailureKind,
    /// Which backend said so.
    pub backend: String,
    /// What it said; never a secret.
    pub message: String,
    /// How long it asked to be left alone, when it did.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "human_duration::option")]
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of `backend`.
    pub fn new(kind: FailureKind, backend: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, backend: backend.into(), message: message.into(), retry_after: None }
    }
}

impl FailureKind {
    /// Whether the same call may succeed without anybody changing anything.
    pub fn is_passing(self) -> bool {
        matches!(self, FailureKind::Transient | FailureKind::Conflict)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FailureKind::Transient => "transient",
            FailureKind::Conflict => "conflict",
            FailureKind::Fenced => "fenced",
            FailureKind::Denied => "denied",
            FailureKind::Unsupported => "unsupported",
            FailureKind::Permanent => "permanent",
        })
    }
}
