use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Finding, Guard, GuardProgress};
use crate::model::{Elapsed, Failure, Measurement};

/// The evaluation of one guard so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GuardState {}

/// What a guard says about one reading.
#[derive(Debug, Clone, PartialEq)]
pub enum GuardVerdict {
    /// The condition is definitely false.
    Clear,
    /// It is true but not for long enough yet, or true and already told.
    Holding,
    /// It cannot be said; not for too long yet, or already told.
    Unknown,
    /// The guard fires.
    Fired(Finding),
}

impl GuardState {
    /// The state of a guard that has seen nothing yet.
    pub fn of(_guard: &Guard) -> Self {
        todo!()
    }

    /// Takes one reading. `at` is attended time; two readings further apart than `max_gap` do not connect.
    pub fn observe(
        &mut self,
        _guard: &Guard,
        _at: Elapsed,
        _reading: Result<&Measurement, &Failure>,
        _max_gap: Duration,
    ) -> GuardVerdict {
        todo!()
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// How near the guard is to firing.
    pub fn progress(&self, _guard: &Guard) -> GuardProgress {
        todo!()
    }
}
