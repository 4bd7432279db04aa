use std::collections::BTreeMap;

use shepherd_core::machine::{Command, Effect, EffectId, Input, Snapshot};
use shepherd_core::model::{Actor, Elapsed};

use crate::world::World;

/// Something that is going to happen.
pub(super) enum Due {
    /// A call arrives in the world.
    Lands { process: u32, id: EffectId, effect: Effect, then: Then },
    /// A process hears something.
    Heard { process: u32, input: Input },
    /// A save ends well.
    Saved { process: u32, version: u64, snapshot: Box<Snapshot> },
    /// A save ended badly, and is tried again.
    SaveAgain { process: u32 },
    /// A save that may wait begins.
    SaveSoon { process: u32 },
    /// A person pulls a lever.
    Lever { by: Actor, command: Command },
    /// Something happens to the world.
    Twist(Twist),
    /// Another process begins.
    Resume,
}

pub(super) type Twist = Box<dyn FnOnce(&mut World, Elapsed) + Send>;

/// What the world's answer becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Answer,
    Garbage,
    Silence,
}

/// What is going to happen, in the order of time, and of decision where the time is the same.
#[derive(Default)]
pub(super) struct Queue {
    due: BTreeMap<(Elapsed, u64), Due>,
    counted: u64,
}

impl Queue {
    pub(super) fn add(&mut self, at: Elapsed, due: Due) {
        self.counted += 1;
        self.due.insert((at, self.counted), due);
    }

    pub(super) fn next(&self) -> Option<Elapsed> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// The first thing that is due by `now`.
    pub(super) fn take(&mut self, now: Elapsed) -> Option<Due> {
        let first = self.due.first_entry().filter(|first| first.key().0 <= now);
        first.map(std::collections::btree_map::OccupiedEntry::remove)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Due) -> bool) {
        self.due.retain(|_, due| keep(due));
    }

    pub(super) fn any(&self, wanted: impl Fn(&Due) -> bool) -> bool {
        self.due.values().any(wanted)
    }
}
