//! The rollout as a value: started from a plan, stepped by inputs, saying what it waits for.
//!
//! ```text
//!            +-----------+   every claim and observation   +---------+   all stages   +----------+
//!  start --> | attaching | ------------------------------> | forward | -------------> | finished |
//!  resume -> +-----------+                                 +---------+                +----------+
//!                  |             trigger, abort, off mark       |                          ^
//!                  +------------------------+-------------------+                          |
//!                                           v                                              |
//!                                     +----------+    off, drained, candidate ended        |
//!                                     | recovery | ----------------------------------------+
//!                                     +----------+
//! ```
//!
//! Time is an argument, effects are data, and everything that decides lives in a [`Snapshot`].

mod aftercare;
mod attach;
mod capacity;
mod catch_up;
mod cause;
mod clockwork;
mod command;
mod derived;
mod effect;
#[cfg(feature = "search")]
mod essence;
mod event;
mod forward;
mod input;
mod outcome;
mod outstanding;
mod recovery;
mod rollout_machine;
mod round;
mod snapshot;
mod state;
mod status;
mod step;
mod told;
mod wait;
mod waiting;

pub use cause::Cause;
pub use command::{Command, Refusal};
pub use effect::{Answer, Effect, EffectId};
#[cfg(feature = "search")]
pub use essence::Essence;
pub use event::{Ending, Event, Happening};
pub use input::Input;
pub use outcome::{Next, Outcome, Override, Report};
pub use rollout_machine::Machine;
pub use snapshot::{Snapshot, SnapshotError, SnapshotVersion};
pub use status::{GuardStatus, Phase, Status};
pub use step::{Pending, Save, Step};
pub use waiting::{Then, Waiting, WaitingFor};
