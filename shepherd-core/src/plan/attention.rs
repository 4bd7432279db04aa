use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Drift;
use crate::model::human_duration;

/// How closely a rollout is watched, and what happens when it was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attention {
    /// How often it is looked at.
    #[serde(with = "human_duration")]
    pub beat: Duration,
    /// Two looks further apart than this do not connect: the time between them bakes nothing and holds nothing.
    #[serde(with = "human_duration")]
    pub max_gap: Duration,
    /// How long a call to the outside may take before it counts as failed.
    #[serde(with = "human_duration")]
    pub call_timeout: Duration,
    /// How long the outside may be unobservable before the rollout is taken back.
    #[serde(with = "human_duration")]
    pub blind: Duration,
    /// How long nobody may drive an exposed candidate.
    #[serde(with = "human_duration")]
    pub unattended_after: Duration,
    /// What happens then.
    pub unattended: Unattended,
    /// What happens when somebody else changes where the traffic goes.
    #[serde(default)]
    pub drift: Drift,
}

/// What happens to a candidate that users met while nobody drove its rollout for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unattended {
    /// It stays as it is until a person resumes it; guards are awake.
    Hold,
    /// It is taken back.
    RollBack,
}

pub(crate) const SHORTEST_POLL: Duration = Duration::from_millis(10);
const LONGEST_POLL: Duration = Duration::from_secs(1);

impl Attention {
    /// The same, looked at this often; a gap is then three beats.
    #[must_use]
    pub fn every(mut self, beat: Duration) -> Self {
        self.beat = beat;
        self.max_gap = beat.saturating_mul(3);
        self
    }

    /// The same with another gap.
    #[must_use]
    pub fn max_gap(mut self, gap: Duration) -> Self {
        self.max_gap = gap;
        self
    }

    /// The same with another time-out of a call.
    #[must_use]
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = limit;
        self
    }

    /// The same with another limit on being blind.
    #[must_use]
    pub fn blind(mut self, limit: Duration) -> Self {
        self.blind = limit;
        self
    }

    /// The same with another answer to having been unattended.
    #[must_use]
    pub fn unattended(mut self, after: Duration, then: Unattended) -> Self {
        self.unattended_after = after;
        self.unattended = then;
        self
    }

    /// The same with another answer to what somebody else changes.
    #[must_use]
    pub fn drift(mut self, then: Drift) -> Self {
        self.drift = then;
        self
    }

    /// How often to look, at the least, while something is waited for.
    pub(crate) fn poll(&self) -> Duration {
        (self.beat / 10).clamp(SHORTEST_POLL, LONGEST_POLL)
    }
}

impl Default for Attention {
    /// Every 10 s; a gap of 30 s; 10 s for a call; taken back after 5 min blind; held after 15 min unattended.
    fn default() -> Self {
        Self {
            beat: Duration::from_secs(10),
            max_gap: Duration::from_secs(30),
            call_timeout: Duration::from_secs(10),
            blind: Duration::from_mins(5),
            unattended_after: Duration::from_mins(15),
            unattended: Unattended::Hold,
            drift: Drift::default(),
        }
    }
}
