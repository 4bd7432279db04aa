use serde::{Deserialize, Serialize};

use super::comparison::{Comparison, Threshold};
use super::condition::{Condition, Hold, Node, Term};
use super::spell::Spell;
use super::truth::{Kinds, Truth};
use super::value::{Trouble, Value};
use super::{Blindness, Guard};
use crate::model::{Elapsed, Failure, Measurement, Track};

/// What one comparison last saw. Numbers, as texts are made only when somebody asks.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) candidate: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stable: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) holds: Option<bool>,
}

/// One pass over a condition with one reading.
pub(super) struct Evaluation<'a> {
    pub(super) guard: &'a Guard,
    pub(super) at: Elapsed,
    /// Milliseconds since the reading before; none when the two do not connect.
    pub(super) step: Option<u64>,
    pub(super) reading: Result<&'a Measurement, &'a Failure>,
    pub(super) seen: &'a mut [Seen],
    pub(super) holds: &'a mut [Option<Spell>],
}

impl Evaluation<'_> {
    /// Every part is looked at, also where another has decided already: each `for` must see each reading.
    pub(super) fn term(&mut self, term: &Term) -> Truth {
        let truth = match &term.node {
            Node::Leaf(place) => self.leaf(*place),
            Node::All(terms) => self.list(terms, Truth::and),
            Node::Any(terms) => self.list(terms, Truth::or),
        };
        term.hold.map_or(truth, |hold| self.hold(hold, truth))
    }

    fn list(&mut self, terms: &[Term], joined: fn(Truth, Truth) -> Truth) -> Truth {
        let all = terms.iter().map(|term| self.term(term)).reduce(joined);
        all.unwrap_or(Truth::Unknown(Kinds::NONE))
    }

    fn hold(&mut self, hold: Hold, truth: Truth) -> Truth {
        let Some(slot) = self.holds.get_mut(hold.slot) else { return truth };
        match truth {
            Truth::True { .. } => {
                let spell = Spell::go_on(slot, self.at, self.step);
                let enough = spell.lasted() >= hold.needed;
                let fulfilled = Truth::True { since: spell.since, held: spell.lasted };
                if enough { fulfilled } else { Truth::Pending }
            }
            Truth::Unknown(_) => {
                Spell::freeze(slot);
                truth
            }
            Truth::False | Truth::Pending => {
                *slot = None;
                truth
            }
        }
    }

    fn leaf(&mut self, place: usize) -> Truth {
        let (judged, seen) = match self.guard.condition().comparisons.get(place) {
            Some(comparison) => judge(self.guard, comparison, self.reading),
            None => (Err(Kinds::NONE), Seen::default()),
        };
        self.seen.get_mut(place).into_iter().for_each(|last| *last = seen);
        match judged {
            Ok(true) => Truth::True { since: self.at, held: 0 },
            Ok(false) => Truth::False,
            Err(kinds) => Truth::Unknown(kinds),
        }
    }
}

fn judge(
    guard: &Guard,
    comparison: &Comparison,
    reading: Result<&Measurement, &Failure>,
) -> (Result<bool, Kinds>, Seen) {
    let Ok(measurement) = reading else { return (Err(Blindness::ProviderError.into()), Seen::default()) };
    let value = |track| value(guard, comparison, measurement, track);
    let candidate = value(Track::Candidate);
    let stable = comparison.is_relative().then(|| value(Track::Stable));
    let kinds = [candidate.as_ref().err(), stable.as_ref().and_then(|value| value.as_ref().err())];
    let kinds = kinds.into_iter().flatten().map(|trouble| Kinds::from(trouble.blindness()));
    let kinds = kinds.fold(Kinds::NONE, Kinds::union);
    let seen = Seen { candidate: candidate.ok(), stable: stable.and_then(Result::ok), holds: None };
    let both = seen.candidate.zip(seen.against(comparison));
    let holds = both.map(|(value, with)| value.compares(comparison.operator, with));
    let judged = match holds {
        None => Err(kinds),
        // The histogram's last edge lies below the threshold.
        Some(None) => Err(Blindness::Inconclusive.into()),
        Some(Some(holds)) => Ok(holds),
    };
    (judged, Seen { holds: judged.ok(), ..seen })
}

fn value(
    guard: &Guard,
    comparison: &Comparison,
    measurement: &Measurement,
    track: Track,
) -> Result<Value, Trouble> {
    Value::of(measurement.sample(&comparison.metric, track), comparison, guard.requests_needed())
}

impl Seen {
    /// What the candidate is compared with.
    pub(super) fn against(&self, comparison: &Comparison) -> Option<Value> {
        match comparison.threshold {
            Threshold::Fixed(quantity) => Some(Value::fixed(quantity.number())),
            Threshold::Stable(factor) => self.stable.map(|stable| stable.times(factor.number())),
        }
    }

    fn tell(&self, comparison: &Comparison) -> String {
        let show =
            |value: Option<Value>| value.map_or("unknown".into(), |value| value.show(comparison.unit()));
        let candidate = format!("{} was {} on candidate", comparison.metric, show(self.candidate));
        if comparison.is_relative() {
            format!("{candidate}, {} on stable", show(self.stable))
        } else {
            candidate
        }
    }
}

/// The comparisons that are true, in words.
pub(super) fn tell_true(condition: &Condition, seen: &[Seen]) -> String {
    let pairs = condition.comparisons.iter().zip(seen);
    let told =
        pairs.filter(|(_, seen)| seen.holds == Some(true)).map(|(comparison, seen)| seen.tell(comparison));
    told.collect::<Vec<_>>().join("; ")
}

/// Why it cannot be judged, in words.
pub(super) fn tell_blind(
    guard: &Guard,
    blindness: Blindness,
    reading: Result<&Measurement, &Failure>,
    seen: &[Seen],
) -> String {
    let measurement = match reading {
        Ok(measurement) => measurement,
        Err(failure) => return failure.to_string(),
    };
    let mut told = Vec::new();
    for (comparison, seen) in guard.condition().comparisons.iter().zip(seen) {
        let tracks = if comparison.is_relative() { &Track::BOTH[..] } else { &[Track::Candidate][..] };
        let troubles = tracks.iter().filter_map(|track| {
            let trouble = value(guard, comparison, measurement, *track).err()?;
            (trouble.blindness() == blindness).then(|| format!("{} on {track} {trouble}", comparison.metric))
        });
        let before = told.len();
        told.extend(troubles);
        let beyond = told.len() == before && seen.holds.is_none() && seen.candidate.is_some();
        if beyond && blindness == Blindness::Inconclusive && seen.against(comparison).is_some() {
            told.push(seen.tell(comparison) + ", too far for its histogram to tell");
        }
    }
    told.join("; ")
}
