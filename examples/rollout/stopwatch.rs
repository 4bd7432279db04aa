//! When the candidate's traffic was taken off, by the clock that the rollout itself goes by.

use std::sync::OnceLock;

use shepherd_core::model::Timestamp;
use shepherd_core::ports::{Clock, SystemClock};

#[derive(Default)]
pub(crate) struct Stopwatch {
    clock: SystemClock,
    off: OnceLock<Timestamp>,
}

impl Stopwatch {
    /// Nobody meets the candidate from now on. The first time counts.
    pub(crate) fn taken_off(&self) {
        self.off.get_or_init(|| self.clock.now().wall);
    }

    pub(crate) fn off_at(&self) -> Option<Timestamp> {
        self.off.get().copied()
    }
}
