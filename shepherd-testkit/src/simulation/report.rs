use std::time::Duration;

use shepherd_core::machine::{Command, Event, Happening, Outcome, Refusal};
use shepherd_core::model::{Actor, Elapsed};

use crate::world::{Violation, World, Write};

/// What came of a simulated rollout.
#[derive(Debug)]
#[non_exhaustive]
pub struct SimReport {
    /// How it ended; none when the simulation ended first.
    pub outcome: Option<Outcome>,
    /// Why the simulation ended.
    pub ended: Ended,
    /// What happened, for people, over all processes.
    pub events: Vec<Event>,
    /// Levers that did nothing.
    pub refused: Vec<Refused>,
    /// How many steps the machine took, over all processes.
    pub steps: u64,
    /// How many saves ended well.
    pub saves: u64,
    /// How many processes there were.
    pub processes: u32,
    /// How long it took in simulated time.
    pub elapsed: Duration,
    /// The world, as it was left.
    pub world: World,
}

/// Why a simulation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The machine has nothing left to do.
    Done,
    /// Its time was over, and the rollout was not.
    OutOfTime,
    /// The machine wants to be stepped again and again in one instant.
    Spinning,
    /// A snapshot could not be gone on with.
    Unreadable(String),
}

/// A lever that did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// When.
    pub at: Elapsed,
    /// Who pulled it.
    pub by: Actor,
    /// Which.
    pub command: Command,
    /// Why.
    pub why: Refusal,
}

impl SimReport {
    /// All requests of users.
    pub fn requests(&self) -> u64 {
        self.world.total().requests()
    }

    /// Those that failed, for whatever reason.
    pub fn failed(&self) -> u64 {
        self.world.total().failed()
    }

    /// The writes that the world accepted.
    pub fn writes(&self) -> &[Write] {
        self.world.writes()
    }

    /// Those that should never have been made.
    pub fn violations(&self) -> &[Violation] {
        self.world.violations()
    }

    /// Whether something like this happened.
    pub fn happened(&self, what: impl Fn(&Happening) -> bool) -> bool {
        self.events.iter().any(|event| what(&event.what))
    }

    /// Whether it was promoted.
    pub fn promoted(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Promoted(_)))
    }

    /// Whether it was rolled back.
    pub fn rolled_back(&self) -> bool {
        matches!(self.outcome, Some(Outcome::RolledBack(_)))
    }
}
