use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evaluation::{Evaluation, Seen, tell_blind, tell_true};
use super::spell::Spell;
use super::truth::{Kinds, Truth};
use super::{Blindness, Finding, FindingKind, Guard, GuardProgress, progress};
use crate::model::{Elapsed, Failure, Measurement};

/// The evaluation of one guard so far: small, and nothing but what the next reading needs.
///
/// `for` is held without a gap: time counts only between two readings that are both true, follow each other and are
/// not further apart than allowed. A reading that is false begins it anew; one that is unknown neither adds nor
/// takes away. How long a guard is blind counts from the first such reading to the next that is definite.
///
/// ```
/// # use std::time::Duration;
/// # use shepherd_core::guard::{Guard, GuardState, GuardVerdict};
/// # use shepherd_core::model::{Cursor, Elapsed, Measurement, Metric, Reading, Sample, Track};
/// let guard: Guard = "error_rate > 5% for 2m".parse()?;
/// let sample = Sample::share(21.0, 100.0)?;
/// let readings = vec![Reading { metric: Metric::ErrorRate, track: Track::Candidate, sample }];
/// let measurement = Measurement { cursor: Cursor::new(""), readings };
///
/// let mut state = GuardState::of(&guard);
/// let mut observe = |minute: u64| {
///     let at = Elapsed::from_millis(minute * 60_000);
///     state.observe(&guard, at, Ok(&measurement), Duration::from_secs(90))
/// };
/// assert_eq!(observe(0), GuardVerdict::Holding);
/// assert_eq!(observe(1), GuardVerdict::Holding);
/// let GuardVerdict::Fired(finding) = observe(2) else { panic!("two minutes are over") };
/// assert_eq!(finding.to_string(), "error_rate > 5% for 2m: error_rate was 21% on candidate, held for 2m");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardState {
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Elapsed>,
    seen: Vec<Seen>,
    holds: Vec<Option<Spell>>,
    /// In the order of [`Blindness::ALL`].
    blind: [Option<Spell>; 3],
    /// What was reported since the guard was last clear.
    told: Kinds,
}

/// What a guard says about one reading.
#[derive(Debug, Clone, PartialEq)]
pub enum GuardVerdict {
    /// The condition is definitely false.
    Clear,
    /// It is true but not for long enough yet, or true and already reported.
    Holding,
    /// It cannot be said; not for too long yet, or already reported.
    Unknown,
    /// The guard fires. It does so once for each [`FindingKind`] until it was clear again.
    Fired(Finding),
}

impl GuardState {
    /// The state of a guard that has seen nothing yet.
    pub fn of(guard: &Guard) -> Self {
        let mut state = Self::default();
        state.fit(guard);
        state
    }

    /// Takes one reading. `at` is attended time; two readings further apart than `max_gap` do not connect.
    pub fn observe(
        &mut self,
        guard: &Guard,
        at: Elapsed,
        reading: Result<&Measurement, &Failure>,
        max_gap: Duration,
    ) -> GuardVerdict {
        self.fit(guard);
        let step = self.step(at, max_gap);
        let (seen, holds) = (&mut self.seen, &mut self.holds);
        let truth = Evaluation { guard, at, step, reading, seen, holds }.term(&guard.condition().root);
        if let Truth::Unknown(kinds) = truth {
            return self.endure(guard, at, step, kinds, reading);
        }
        self.blind = [None; 3];
        match truth {
            Truth::True { since, held } => self.fire(guard, since, held),
            Truth::False => {
                self.told = Kinds::NONE;
                GuardVerdict::Clear
            }
            Truth::Pending | Truth::Unknown(_) => GuardVerdict::Holding,
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// How near the guard is to firing.
    pub fn progress(&self, guard: &Guard) -> GuardProgress {
        let unknown_since = self.blind.iter().flatten().map(|spell| spell.since).min();
        progress::progress(guard.condition(), &self.seen, &self.holds, unknown_since)
    }

    /// A state is made for one guard; with another it starts anew rather than mistake one part for another.
    fn fit(&mut self, guard: &Guard) {
        let condition = guard.condition();
        if (self.seen.len(), self.holds.len()) != (condition.comparisons.len(), condition.holds) {
            self.reset();
            self.seen = vec![Seen::default(); condition.comparisons.len()];
            self.holds = vec![None; condition.holds];
        }
    }

    /// Milliseconds since the last reading; none when that is too long ago, or when time ran backwards.
    fn step(&mut self, at: Elapsed, max_gap: Duration) -> Option<u64> {
        let last = self.last.replace(at)?;
        let connects = at >= last && at.since(last) <= max_gap;
        connects.then(|| at.as_millis() - last.as_millis())
    }

    fn fire(&mut self, guard: &Guard, since: Elapsed, held: u64) -> GuardVerdict {
        if self.told.contains(FindingKind::Condition) {
            return GuardVerdict::Holding;
        }
        self.told = self.told.union(Kinds::only(FindingKind::Condition));
        GuardVerdict::Fired(Finding {
            guard: guard.condition().clone(),
            action: guard.action(),
            kind: FindingKind::Condition,
            saw: tell_true(guard.condition(), &self.seen),
            since,
            held: Duration::from_millis(held),
        })
    }

    /// One more reading that says neither yes nor no. A kind of blindness that has begun goes on through the other
    /// kinds, so that taking turns is no way around the limits.
    fn endure(
        &mut self,
        guard: &Guard,
        at: Elapsed,
        step: Option<u64>,
        kinds: Kinds,
        reading: Result<&Measurement, &Failure>,
    ) -> GuardVerdict {
        let mut due: Option<(Blindness, Spell)> = None;
        for (blindness, slot) in Blindness::ALL.into_iter().zip(&mut self.blind) {
            let present = kinds.contains(blindness.kind());
            if !present && slot.is_none() {
                continue;
            }
            let spell = Spell::go_on(slot, at, step);
            let over = present && spell.lasted() >= guard.limit(blindness).after;
            let heavier = |(other, _)| guard.limit(blindness).then > guard.limit(other).then;
            if over && !self.told.contains(blindness.kind()) && due.is_none_or(heavier) {
                due = Some((blindness, spell));
            }
        }
        let Some((blindness, spell)) = due else { return GuardVerdict::Unknown };
        self.told = self.told.union(blindness.into());
        GuardVerdict::Fired(Finding {
            guard: guard.condition().clone(),
            action: guard.limit(blindness).then,
            kind: blindness.kind(),
            saw: tell_blind(guard, blindness, reading, &self.seen),
            since: spell.since,
            held: spell.lasted(),
        })
    }
}

#[cfg(test)]
mod tests;
