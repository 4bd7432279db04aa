use std::time::Duration;

use super::{Effect, EffectId, Event, Refusal};

/// What a step answers.
#[derive(Debug, Clone, PartialEq, Default)]
#[must_use]
pub struct Step {
    /// What happened, for people.
    pub events: Vec<Event>,
    /// How urgently the new state must be saved.
    pub save: Save,
    /// Why a command was not accepted.
    pub refused: Option<Refusal>,
}

/// How urgently a state must be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Save {
    /// What was saved before leads to the same end.
    #[default]
    No,
    /// Within a while; several may be joined.
    Soon,
    /// At once. [Gated](Effect::is_gated) effects begin when it is saved; all others at the same time.
    Now,
}

/// What a machine waits for.
#[derive(Debug, Clone)]
pub struct Pending<'a> {
    /// The effects that are outstanding and due, each to be performed once and answered under its id. It is offered
    /// again until it is answered or withdrawn.
    pub effects: Vec<(EffectId, &'a Effect)>,
    /// How long after the last step it wants to be stepped again, whatever happens; none when it never does.
    pub wake_in: Option<Duration>,
}
