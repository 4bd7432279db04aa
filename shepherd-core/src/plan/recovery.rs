use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::human_duration;

/// The way back. It names no revision and no stage, so that it serves whatever the trigger finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recovery {
    /// How long the candidate finishes the requests that it has, between traffic off and its end.
    #[serde(with = "human_duration")]
    pub drain: Duration,
    /// When a recovery that is not through raises the alarm; it goes on trying.
    #[serde(with = "human_duration")]
    pub deadline: Duration,
}

impl Recovery {
    /// The same with another time to drain.
    #[must_use]
    pub fn drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// The same with another deadline.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

impl Default for Recovery {
    /// 30 s to drain, alarm after 5 min.
    fn default() -> Self {
        Self { drain: Duration::from_secs(30), deadline: Duration::from_mins(5) }
    }
}
