use shepherd_core::machine::{Input, Machine, Step};
use shepherd_core::model::Elapsed;

/// One step of a machine in a simulation, right after it was taken: for tests that judge decisions and not only what
/// came of them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Glance<'a> {
    /// When.
    pub at: Elapsed,
    /// By which process, counted from 1.
    pub process: u32,
    /// What the machine was told.
    pub input: &'a Input,
    /// What it answered.
    pub step: &'a Step,
    /// What it is now.
    pub machine: &'a Machine,
    /// How many writes the world had accepted by then.
    pub writes: usize,
}
