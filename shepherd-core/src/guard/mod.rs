//! Guards: what must not happen while a rollout is under way, in words that people write, and its evaluation.
//!
//! ```text
//! error_rate > 5% for 2m
//! error_rate > 2x stable for 1m
//! (error_rate > 1% and p99 > 2s) for 10m or error_rate > 20%
//! ```
//!
//! A [`Condition`] compares [metrics](crate::model::Metric) of the candidate with fixed values or with the stable
//! track. Without `for` it fires at the first reading that is true; with `for` it must be true for so long without
//! a gap. `and` binds tighter than `or`; `for` belongs to the comparison or the parenthesised group before it.
//!
//! A [`Guard`] says what is done when its condition fires, and for how long no data, errors and too few requests
//! are borne: none of them ever counts as a pass. A [`GuardState`] is the evaluation so far. It takes readings and
//! the time as arguments and lives in the rollout's snapshot, so that it goes on where it was after a restart.

#[cfg(test)]
mod arbitrary;
mod comparison;
mod condition;
mod error;
mod evaluation;
mod finding;
#[allow(clippy::module_inception, reason = "a type is named after its file")]
mod guard;
mod limit;
mod parse;
mod progress;
mod quantity;
mod spell;
mod stage_range;
mod suggest;
mod truth;
mod value;
mod watch;

pub use condition::Condition;
pub use error::GuardError;
pub use finding::{Finding, FindingKind};
pub use guard::{Guard, GuardAction};
pub use limit::{Blindness, Limit};
pub use progress::{ComparisonProgress, GuardProgress};
pub use stage_range::StageRange;
pub use watch::{GuardState, GuardVerdict};
