use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Action;
use crate::model::{StageName, Weight, human_duration};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    name: StageName,
    action: Action,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "human_duration::option")]
    deadline: Option<Duration>,
    #[serde(default)]
    on_failure: OnFailure,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked: Option<Weight>,
}

/// What happens when a stage fails or its deadline passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnFailure {
    /// The rollout is taken back.
    #[default]
    RollBack,
    /// A person is asked: resuming tries the stage again.
    Pause,
}

const DEADLINE: Duration = Duration::from_mins(10);

impl Stage {
    /// A stage with the usual deadline: 10 min, for a bake 10 min more than twice its time, none where people are
    /// asked.
    pub fn new(name: StageName, action: Action) -> Self {
        let deadline = match &action {
            action if action.asks_people() => None,
            Action::Bake(time) => Some(time.saturating_mul(2).saturating_add(DEADLINE)),
            Action::Retire { drain, .. } => Some(drain.saturating_add(DEADLINE)),
            _ => Some(DEADLINE),
        };
        Self { name, action, deadline, on_failure: OnFailure::default(), asked: None }
    }

    /// The same with another deadline.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The same with another answer to failure.
    #[must_use]
    pub fn on_failure(mut self, answer: OnFailure) -> Self {
        self.on_failure = answer;
        self
    }

    /// The same, remembering that this weight was asked for where the nearest possible one is another.
    #[must_use]
    pub fn instead_of(mut self, asked: Weight) -> Self {
        self.asked = Some(asked);
        self
    }

    /// Its name, unique in its plan.
    pub fn name(&self) -> &StageName {
        &self.name
    }

    /// What it does.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// How long it may take; none where people are asked.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// What happens when it fails.
    pub fn failure(&self) -> OnFailure {
        self.on_failure
    }

    /// The weight that was asked for, where the nearest possible one is another.
    pub fn asked(&self) -> Option<Weight> {
        self.asked
    }
}
