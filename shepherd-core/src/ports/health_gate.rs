use async_trait::async_trait;

use super::PortError;
use crate::model::{Revision, RolloutId, Target, Track, Verdict};

/// One question, one verdict: a health endpoint, a smoke test, a dependency.
///
/// # Contract
/// - Asking changes nothing that users see, and may be repeated.
/// - Only [`Verdict::Pass`] lets the rollout go on: what cannot be said is inconclusive, what could not be asked is
///   an error, and neither is a pass.
/// - The call may be dropped at any await.
#[async_trait]
pub trait HealthGate: Send + Sync {
    /// Asks.
    ///
    /// # Errors
    /// Says who must act. The driver retries what is [passing](crate::model::FailureKind::is_passing).
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError>;
}

/// What a gate is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckContext {
    /// The rollout that asks.
    pub rollout: RolloutId,
    /// What is rolled out.
    pub target: Target,
    /// Which side is asked about.
    pub track: Track,
    /// What runs there.
    pub revision: Revision,
}

impl CheckContext {
    /// A question about `revision` on `track`.
    pub fn new(rollout: RolloutId, target: Target, track: Track, revision: Revision) -> Self {
        Self { rollout, target, track, revision }
    }
}
