use std::time::Duration;

use super::comparison::Comparison;
use super::condition::{Condition, Hold, Node, Term};
use super::evaluation::Seen;
use super::spell::Spell;
use super::value::Value;
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

/// How near a part is, and the `for` that this is about.
#[derive(Clone, Copy)]
struct Near {
    share: f64,
    held: Duration,
    needed: Duration,
}

pub(super) fn progress(
    condition: &Condition,
    seen: &[Seen],
    holds: &[Option<Spell>],
    unknown_since: Option<Elapsed>,
) -> GuardProgress {
    let Near { share, held, needed } = near(condition, seen, holds, &condition.root);
    let pairs = condition.comparisons.iter().zip(seen);
    let comparisons = pairs.map(|(comparison, seen)| ComparisonProgress::of(comparison, seen)).collect();
    GuardProgress { comparisons, held, needed, share, unknown_since }
}

fn near(condition: &Condition, seen: &[Seen], holds: &[Option<Spell>], term: &Term) -> Near {
    let parts =
        |terms: &[Term]| terms.iter().map(|term| near(condition, seen, holds, term)).collect::<Vec<_>>();
    let by_share = |a: &Near, b: &Near| a.share.total_cmp(&b.share);
    let inner = match &term.node {
        Node::Leaf(place) => {
            condition.comparisons.get(*place).zip(seen.get(*place)).map(|(leaf, seen)| Near::of(leaf, *seen))
        }
        Node::All(terms) => parts(terms).into_iter().min_by(by_share),
        Node::Any(terms) => parts(terms).into_iter().max_by(by_share),
    };
    let inner = inner.unwrap_or(Near::AFAR);
    let spell = |hold: Hold| holds.get(hold.slot).copied().flatten();
    term.hold.map_or(inner, |hold| inner.held_for(spell(hold), hold.needed))
}

impl Near {
    const AFAR: Near = Near { share: 0.0, held: Duration::ZERO, needed: Duration::ZERO };

    fn of(comparison: &Comparison, seen: Seen) -> Self {
        let both = seen.candidate.zip(seen.against(comparison));
        let share = match (seen.holds, both) {
            (Some(true), _) => 1.0,
            (_, Some((value, with))) => value.nearness(comparison.operator, with),
            (_, None) => 0.0,
        };
        Self { share, ..Self::AFAR }
    }

    fn held_for(self, spell: Option<Spell>, needed: Duration) -> Self {
        let held = spell.map_or(Duration::ZERO, Spell::lasted).min(needed);
        let time = held.as_secs_f64() / needed.as_secs_f64();
        Self { share: f64::midpoint(self.share, time), held, needed }
    }
}

impl ComparisonProgress {
    fn of(comparison: &Comparison, seen: &Seen) -> Self {
        let show = |value: Value| value.show(comparison.unit());
        Self {
            metric: comparison.metric.to_string(),
            threshold: comparison.against(),
            candidate: seen.candidate.map(show),
            stable: seen.stable.map(show),
            holds: seen.holds,
        }
    }
}
