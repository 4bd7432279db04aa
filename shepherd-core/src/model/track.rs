use std::fmt;

use serde::{Deserialize, Serialize};

/// The side that serves. Blue/green users say active and preview, canary users stable and canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Track {
    /// The side that served before the rollout began.
    Stable,
    /// The side that the new revision comes up on.
    Candidate,
}

impl Track {
    /// Both sides, stable first.
    pub const BOTH: [Track; 2] = [Track::Stable, Track::Candidate];

    /// The other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Track::Stable => Track::Candidate,
            Track::Candidate => Track::Stable,
        }
    }
}

impl fmt::Display for Track {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Track::Stable => "stable",
            Track::Candidate => "candidate",
        })
    }
}
