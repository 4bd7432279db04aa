use async_trait::async_trait;

use super::PortError;
use crate::machine::EffectId;
use crate::model::{Revision, RolloutId, Target};

/// Something of yours that runs between two stages: a migration, a flag, a ticket.
///
/// # Contract
/// Runs at least once: after a crash the same run is asked for again, under the same
/// [`id`](HookContext::id). Make it idempotent by that id.
///
/// It has as long as its stage's deadline. The call may be dropped at any await, when that is over or the driver ends,
/// and is then made again or not.
#[async_trait]
pub trait Hook: Send + Sync {
    /// Runs it to its end.
    ///
    /// # Errors
    /// Says who must act; the stage fails when retrying cannot help.
    async fn run(&self, context: &HookContext) -> Result<(), PortError>;
}

/// What a hook is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookContext {
    /// The rollout that runs it.
    pub rollout: RolloutId,
    /// Which run of it this is: the same after a crash, another one in another stage.
    pub id: EffectId,
    /// What is rolled out.
    pub target: Target,
    /// What served before.
    pub stable: Revision,
    /// What is coming.
    pub candidate: Revision,
}

impl HookContext {
    /// What the hook of effect `id` is told.
    pub fn new(
        rollout: RolloutId,
        id: EffectId,
        target: Target,
        stable: Revision,
        candidate: Revision,
    ) -> Self {
        Self { rollout, id, target, stable, candidate }
    }
}
