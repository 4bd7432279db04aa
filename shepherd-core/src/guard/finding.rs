use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Condition, GuardAction};
use crate::model::{Elapsed, human_duration};

/// That a guard fired: what it saw, and since when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The condition of the guard that fired.
    pub guard: Condition,
    /// What is to be done about it.
    pub action: GuardAction,
    /// What about it fired.
    pub kind: FindingKind,
    /// What was seen, for a person.
    pub saw: String,
    /// Since when, in attended time.
    pub since: Elapsed,
    /// How long it lasted without a gap; zero when the first such reading was enough.
    #[serde(with = "human_duration")]
    pub held: Duration,
}

/// What about a guard fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// The condition is true.
    Condition,
    /// There was no data for longer than the guard allows.
    NoData,
    /// The source failed for longer than the guard allows.
    ProviderError,
    /// There was too little to judge by for longer than the guard allows.
    Inconclusive,
}

impl fmt::Display for Finding {
    /// A sentence without its full stop, such as `error_rate > 5% for 2m: error_rate was 21.3% on candidate, held
    /// for 2m`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.guard, self.saw)?;
        let lasted = if self.kind == FindingKind::Condition { "held" } else { "could not be judged" };
        if self.held.is_zero() {
            Ok(())
        } else {
            write!(f, ", {lasted} for {}", human_duration::show(self.held))
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FindingKind::Condition => "condition",
            FindingKind::NoData => "no data",
            FindingKind::ProviderError => "provider error",
            FindingKind::Inconclusive => "inconclusive",
        })
    }
}
