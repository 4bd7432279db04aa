use std::sync::Arc;

use crate::machine::SnapshotError;
use crate::model::Reason;
use crate::plan::PlanError;
use crate::ports::{PortError, StoreError};

/// Why a rollout did not start. Nothing has been changed, unless a rollout of another revision had to give way first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What is asked makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Somebody else drives the target, or the store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The target could not be looked at.
    #[error("cannot look at {target}: {source}")]
    Unobservable {
        /// Which target.
        target: String,
        /// Why.
        source: PortError,
    },
    /// The target has no stable revision to come from.
    #[error("{target} runs no revision yet: deploy it once, then roll out")]
    NothingDeployed {
        /// Which target.
        target: String,
    },
    /// What is under way was begun on something else, and cannot be gone on with here.
    #[error(
        "{target} is under way on {begun}, and can neither go on nor give way on {bound}: use what it was begun on"
    )]
    Elsewhere {
        /// Which target.
        target: String,
        /// What it was begun on, as far as that differs.
        begun: String,
        /// What is bound in its place.
        bound: String,
    },
    /// What was saved cannot be gone on with.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The rollout before this one could not be ended. It may have been taken back by now.
    #[error("the rollout before this one could not be ended: {0}")]
    Predecessor(#[source] Stopped),
    /// The fleet is closing.
    #[error("the fleet is closing and starts nothing")]
    Closing,
}

/// Why a rollout is not driven any more, although it has not ended. Its state is kept.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Stopped {
    /// A later owner has taken over.
    #[error("another owner has taken over")]
    Superseded,
    /// It was detached.
    #[error("it was detached; start it again to go on")]
    Detached,
    /// The store cannot be used any more.
    #[error("its state cannot be kept: {0}")]
    Store(Arc<StoreError>),
    /// The driver's task ended without a word: the runtime shut down, or it panicked.
    #[error("its task has ended: {0}")]
    Task(Reason),
}

impl From<Stopped> for StartError {
    fn from(stopped: Stopped) -> Self {
        StartError::Predecessor(stopped)
    }
}
