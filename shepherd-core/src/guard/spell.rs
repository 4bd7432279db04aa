use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Elapsed;

/// How long something has lasted, counted only between readings that connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spell {
    pub(super) since: Elapsed,
    /// In milliseconds.
    pub(super) lasted: u64,
    /// Whether the last reading was part of it: else the time from it to the next one does not count.
    unbroken: bool,
}

impl Spell {
    /// One more reading is part of it, `step` milliseconds after the last one; none when the two do not connect.
    pub(super) fn go_on(slot: &mut Option<Spell>, at: Elapsed, step: Option<u64>) -> Spell {
        let begun = slot.unwrap_or(Spell { since: at, lasted: 0, unbroken: false });
        let more = step.filter(|_| begun.unbroken).unwrap_or(0);
        *slot.insert(Spell { lasted: begun.lasted.saturating_add(more), unbroken: true, ..begun })
    }

    /// One reading does not say whether it goes on.
    pub(super) fn freeze(slot: &mut Option<Spell>) {
        if let Some(spell) = slot {
            spell.unbroken = false;
        }
    }

    pub(super) fn lasted(self) -> Duration {
        Duration::from_millis(self.lasted)
    }
}
