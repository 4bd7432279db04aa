use async_trait::async_trait;

use super::PortError;
use crate::machine::{EffectId, Event};
use crate::model::{RolloutId, Target};

/// Tells people what happens: a log, a chat, a pager.
///
/// # Contract
/// Told at least once for each event, under an id that is the same when it is told again after a crash. A notifier
/// never holds up a rollout, nor another notifier: what it could not be told after some tries is logged and given up.
/// The call may be dropped at any await, when it took too long or the driver ends.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Tells.
    ///
    /// # Errors
    /// Says who must act; only the log sees it.
    async fn notify(&self, notice: &Notice) -> Result<(), PortError>;
}

/// What people are told.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Notice {
    /// What is rolled out.
    pub target: Target,
    /// The rollout.
    pub rollout: RolloutId,
    /// The same when the same event is told again.
    pub id: EffectId,
    /// What happened.
    pub event: Event,
}

impl Notice {
    /// A notice of `event`.
    pub fn new(target: Target, rollout: RolloutId, id: EffectId, event: Event) -> Self {
        Self { target, rollout, id, event }
    }
}
