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
    /// About how long replicas take to become ready, from the write that asks for them: one batch of them, or all of
    /// stable where its revision is put back. The dry run reckons with it, and nothing waits for it.
    #[serde(with = "human_duration", default = "usually_ready_within")]
    pub ready_within: Duration,
}

const fn usually_ready_within() -> Duration {
    Duration::from_secs(30)
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

    /// The same with replicas that take about so long to become ready.
    #[must_use]
    pub fn ready_within(mut self, time: Duration) -> Self {
        self.ready_within = time;
        self
    }
}

impl Default for Recovery {
    /// 30 s to drain, alarm after 5 min, replicas ready within 30 s.
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(30),
            deadline: Duration::from_mins(5),
            ready_within: usually_ready_within(),
        }
    }
}
