use std::time::Duration;

use crate::model::Elapsed;

/// How near a guard is to firing, for people and progress bars.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardProgress {
    /// What was last seen, comparison by comparison as they are written.
    pub comparisons: Vec<ComparisonProgress>,
    /// How long the part that is nearest to firing has held.
    pub held: Duration,
    /// How long it must hold; zero when the first true reading fires.
    pub needed: Duration,
    /// How near it is: 0 is far, 1 is firing. With a `for`, the value makes the first half and the time the second.
    pub share: f64,
    /// Since when, in attended time, it could not be judged; none when the last reading could.
    pub unknown_since: Option<Elapsed>,
}

/// One comparison of a guard, and what was last seen of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonProgress {
    /// What is compared, such as `error_rate`.
    pub metric: String,
    /// With what, such as `> 5%` or `> 2x stable`.
    pub threshold: String,
    /// What it was on the candidate, such as `0.3%`; none when the last reading did not say.
    pub candidate: Option<String>,
    /// What it was on stable, when the comparison is with stable.
    pub stable: Option<String>,
    /// Whether it was true; none when it could not be judged.
    pub holds: Option<bool>,
}
