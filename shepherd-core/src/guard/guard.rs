use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Blindness, Condition, GuardError, Limit, StageRange};
use crate::model::{Metric, Requests};

/// A condition that must not become true while a rollout is under way, and what is done when it does.
///
/// Made from text it rolls back, watches during all stages, and bears no data and provider errors for five minutes
/// and too few requests for ten.
///
/// ```
/// # use std::time::Duration;
/// # use shepherd_core::guard::{Guard, GuardAction, Limit};
/// let guard = "error_rate > 5% for 2m"
///     .parse::<Guard>()?
///     .then(GuardAction::Pause)
///     .min_requests(50)
///     .no_data(Limit::new(Duration::from_secs(60), GuardAction::Tell));
/// assert_eq!(guard.to_string(), "error_rate > 5% for 2m");
/// # Ok::<(), shepherd_core::guard::GuardError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    condition: Condition,
    #[serde(default)]
    action: GuardAction,
    #[serde(default, skip_serializing_if = "StageRange::is_all")]
    during: StageRange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    no_data: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_error: Option<Limit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inconclusive: Option<Limit>,
    #[serde(default = "one")]
    min_requests: Requests,
}

/// What is done when a guard fires, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GuardAction {
    /// People are told; the rollout goes on.
    Tell,
    /// The rollout waits for a person.
    Pause,
    /// The rollout takes itself back.
    #[default]
    RollBack,
}

/// A single request says something; none says nothing.
const fn one() -> Requests {
    Requests::new(1)
}

impl Guard {
    /// A guard that rolls back when the condition fires, with the usual limits.
    pub fn new(condition: Condition) -> Self {
        Self {
            condition,
            action: GuardAction::default(),
            during: StageRange::ALL,
            no_data: None,
            provider_error: None,
            inconclusive: None,
            min_requests: one(),
        }
    }

    /// Does this when the condition fires. Limits that were not set follow: they never do more than this.
    #[must_use]
    pub fn then(mut self, action: GuardAction) -> Self {
        self.action = action;
        self
    }

    /// Watches during these stages only.
    #[must_use]
    pub fn during(mut self, stages: StageRange) -> Self {
        self.during = stages;
        self
    }

    /// Bears no data this long.
    #[must_use]
    pub fn no_data(mut self, limit: Limit) -> Self {
        self.no_data = Some(limit);
        self
    }

    /// Bears a failing source this long.
    #[must_use]
    pub fn provider_error(mut self, limit: Limit) -> Self {
        self.provider_error = Some(limit);
        self
    }

    /// Bears too little to judge by this long.
    #[must_use]
    pub fn inconclusive(mut self, limit: Limit) -> Self {
        self.inconclusive = Some(limit);
        self
    }

    /// A reading of fewer requests than this, on either track it compares, is inconclusive. It applies to shares
    /// and histograms, which say how many there were, but not to health checks, which are no requests. With zero any
    /// reading will do that has data at all.
    #[must_use]
    pub fn min_requests(mut self, requests: impl Into<Requests>) -> Self {
        self.min_requests = requests.into();
        self
    }

    /// What must not become true.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// What is done when it does.
    pub fn action(&self) -> GuardAction {
        self.action
    }

    /// During which stages it watches.
    pub fn stages(&self) -> &StageRange {
        &self.during
    }

    /// How long such a blindness is borne and what is done then.
    pub fn limit(&self, blindness: Blindness) -> Limit {
        let set = match blindness {
            Blindness::NoData => self.no_data,
            Blindness::ProviderError => self.provider_error,
            Blindness::Inconclusive => self.inconclusive,
        };
        set.unwrap_or_else(|| blindness.usual_limit(self.action))
    }

    /// How many requests a reading must be made of.
    pub fn requests_needed(&self) -> Requests {
        self.min_requests
    }

    /// The metrics it needs, in the order they are written; one that is compared twice comes twice.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.condition.metrics()
    }

    /// Whether it compares with the stable track.
    pub fn is_relative(&self) -> bool {
        self.condition.is_relative()
    }

    /// Whether it says something only while the candidate is sent requests.
    pub fn needs_traffic(&self) -> bool {
        self.metrics().any(Metric::needs_traffic)
    }
}

impl From<Condition> for Guard {
    fn from(condition: Condition) -> Self {
        Self::new(condition)
    }
}

impl FromStr for Guard {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        text.parse().map(Self::new)
    }
}

impl fmt::Display for Guard {
    /// The condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl fmt::Display for GuardAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            GuardAction::Tell => "tell",
            GuardAction::Pause => "pause",
            GuardAction::RollBack => "roll back",
        })
    }
}
