//! The rollout as a value: started from a plan, stepped by inputs, saying what it waits for.

mod effect;
mod event;

pub use effect::EffectId;
pub use event::Event;
