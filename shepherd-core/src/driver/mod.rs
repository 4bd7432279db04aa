//! The async loop around the machine: one task for each rollout, and the levers that people pull.
//!
//! [`Rollout`] puts target, strategy, ports and guards together and starts rollouts. A [`Handle`] watches and steers
//! one that runs. A [`Fleet`] keeps many in one process.
//!
//! What the task promises:
//! - the candidate is brought forward only while everything is saved that the marks outside do not tell;
//! - taking users off the candidate waits for no save, no back-off and no permit;
//! - a lever that was acknowledged is not lost by a crash;
//! - whoever was superseded stops, and its late writes fail at the fences.

mod beginning;
mod bound;
mod effects;
mod error;
mod fences;
mod fleet;
mod handle;
mod held;
mod lease;
mod perform;
mod rollout;
mod rollout_builder;
mod saves;
mod slot;
mod task;
mod within;

use bound::Ports;
pub use error::{StartError, Stopped};
pub use fleet::Fleet;
pub use handle::{Events, Handle, LeverError, Watch};
pub use rollout::Rollout;
pub use rollout_builder::RolloutBuilder;
