use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{FindingKind, GuardAction};
use crate::model::human_duration;

/// How long something is borne, and what is done then.
///
/// ```
/// # use std::time::Duration;
/// # use shepherd_core::guard::{GuardAction, Limit};
/// let limit = Limit::new(Duration::from_secs(120), GuardAction::Pause);
/// assert_eq!(limit.to_string(), "pause after 2m");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How long it may last, in attended time; zero means that the first such reading is one too many.
    #[serde(with = "human_duration")]
    pub after: Duration,
    /// What is done then.
    pub then: GuardAction,
}

/// Why a reading says neither yes nor no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Blindness {
    /// The source had nothing to say.
    NoData,
    /// The source failed, or answered what cannot be a reading of that metric.
    ProviderError,
    /// There were too few requests to judge by, or the buckets of a histogram do not reach far enough to tell.
    Inconclusive,
}

impl Limit {
    /// That long, then that.
    pub const fn new(after: Duration, then: GuardAction) -> Self {
        Self { after, then }
    }
}

impl Blindness {
    /// All of them.
    pub const ALL: [Blindness; 3] = [Blindness::NoData, Blindness::ProviderError, Blindness::Inconclusive];

    /// The kind of finding that too much of it is.
    pub fn kind(self) -> FindingKind {
        match self {
            Blindness::NoData => FindingKind::NoData,
            Blindness::ProviderError => FindingKind::ProviderError,
            Blindness::Inconclusive => FindingKind::Inconclusive,
        }
    }

    /// The limit of a guard that was told no other. Without data or with a source that fails, five minutes and then
    /// what the guard itself would do: nobody is watching. Too few requests are nobody's fault: after ten minutes a
    /// person decides. A guard that only tells never does more than tell.
    pub(super) fn usual_limit(self, action: GuardAction) -> Limit {
        const MINUTE: u64 = 60;
        match self {
            Blindness::NoData | Blindness::ProviderError => {
                Limit::new(Duration::from_secs(5 * MINUTE), action)
            }
            Blindness::Inconclusive => {
                Limit::new(Duration::from_secs(10 * MINUTE), action.min(GuardAction::Pause))
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {}", self.then, human_duration::show(self.after))
    }
}

impl fmt::Display for Blindness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Blindness::NoData => "no data",
            Blindness::ProviderError => "provider error",
            Blindness::Inconclusive => "inconclusive",
        })
    }
}
