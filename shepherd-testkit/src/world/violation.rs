use std::fmt;

use shepherd_core::model::{Elapsed, Exposure, Fence, Replicas, Revision, Track};

/// A write that was accepted and should never have been made.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// When.
    pub at: Elapsed,
    /// Which of the [writes](super::World::writes).
    pub write: usize,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What is wrong with a write.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Wrong {
    /// It sends more traffic to a track than the ready replicas of the track's own revision can take.
    NoCapacity {
        /// Which side.
        track: Track,
        /// What that side is meant to run.
        revision: Option<Revision>,
        /// How many of it are ready, or were within the world's [grace](super::World::grace).
        ready: Replicas,
        /// How many the traffic needs.
        needed: Replicas,
        /// Whether it takes the candidate's traffic off, and stable can take some of it: where the rollout never
        /// touched stable, this waits for nobody.
        off: bool,
    },
    /// It ends replicas that traffic needs.
    TakesCapacity {
        /// Which side.
        track: Track,
        /// How many remain ready.
        ready: Replicas,
        /// How many the traffic needs.
        needed: Replicas,
    },
    /// It shows the candidate to more users after the same rollout was taken off.
    RaisedAfterOff {
        /// What it shows.
        exposure: Exposure,
    },
    /// It shows the candidate to more users though a later owner had claimed or written.
    StaleRaise {
        /// Who wrote.
        by: Fence,
        /// Who had been there.
        after: Fence,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write {} at {:?}: ", self.write, self.at - Elapsed::ZERO)?;
        match &self.what {
            Wrong::NoCapacity { track, ready, needed, off, .. } => {
                let kind = if *off { "an off" } else { "traffic" };
                write!(f, "{kind} to {track} needs {needed} ready replicas of its revision, and {ready} are")
            }
            Wrong::TakesCapacity { track, ready, needed } => {
                write!(f, "{ready} replicas of {track} remain, and its traffic needs {needed}")
            }
            Wrong::RaisedAfterOff { exposure } => write!(f, "{exposure} after the rollout was taken off"),
            Wrong::StaleRaise { by, after } => {
                write!(f, "a raise of epoch {} after epoch {} had come", by.epoch, after.epoch)
            }
        }
    }
}
