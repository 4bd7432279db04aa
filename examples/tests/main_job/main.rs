//! The real program, as a user runs it. Nothing here sleeps to be in step: it waits for what is printed.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod candidates;
mod inputs;
mod interrupts;
mod program;
mod restarts;
mod strategies;
