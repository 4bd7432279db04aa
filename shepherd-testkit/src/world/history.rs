use std::collections::VecDeque;
use std::time::Duration;

use shepherd_core::model::Elapsed;

/// How many replicas were ready of late: nobody can know of a loss at the instant in which it happens.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// From when on it was how many, the newest last.
    since: VecDeque<(Elapsed, u32)>,
}

impl History {
    pub(super) fn note(&mut self, now: Elapsed, ready: u32, grace: Duration) {
        if self.since.back().is_none_or(|(_, last)| *last != ready) {
            self.since.push_back((now, ready));
        }
        while self.since.get(1).is_some_and(|(ended, _)| *ended + grace < now) {
            self.since.pop_front();
        }
    }

    /// Another revision begins anew.
    pub(super) fn forget(&mut self) {
        self.since.clear();
    }

    pub(super) fn most(&self, now: Elapsed, grace: Duration) -> u32 {
        let ends = self.since.iter().skip(1).map(|(at, _)| *at).chain([now]);
        let recent = self.since.iter().zip(ends).filter(|(_, ended)| *ended + grace >= now);
        recent.map(|((_, ready), _)| *ready).max().unwrap_or_default()
    }
}
