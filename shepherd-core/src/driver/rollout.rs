use std::fmt;
use std::sync::Arc;

use super::slot::Slot;
use super::{Handle, Ports, RolloutBuilder, StartError};
use crate::guard::Guard;
use crate::machine::{Next, Outcome};
use crate::model::{Actor, Revision, Target};
use crate::plan::{Attention, Plan};
use crate::ports::Owner;
use crate::strategy::Strategy;

/// Target, strategy, guards and adapters, put together once; from here rollouts are planned, started and gone on with.
/// Cheap to clone.
#[derive(Clone)]
pub struct Rollout {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) guards: Vec<Guard>,
    pub(super) attention: Attention,
    pub(super) owner: Owner,
    /// Who is told to have pulled a lever where this process did.
    pub(super) actor: Actor,
    pub(super) ports: Ports,
    pub(super) slot: Slot,
}

impl From<Shared> for Rollout {
    fn from(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }
}

impl Rollout {
    /// Begins to put a rollout of `target` together.
    pub fn of(target: Target) -> RolloutBuilder {
        RolloutBuilder::new(target)
    }

    /// What is rolled out.
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// What would happen: looks at the target, and changes nothing.
    ///
    /// # Errors
    /// [`StartError`] when the target cannot be looked at, or the plan makes no sense on what is there.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn plan(&self, revision: Revision) -> Result<Plan, StartError> {
        self.plan_from(self.shared.ports.stable_from_now_on().await, revision)
    }

    /// Rolls `revision` out. When this process rolls it out already its handle is answered; what another process began
    /// is gone on with. A rollout of another revision gives way first, which is waited for: it is taken back, or ends
    /// when it is being promoted already; who wants to watch that [resumes](Self::resume) it, and
    /// [supersedes](Handle::supersede) it first. Wanting the stable revision again aborts what runs, and answers its
    /// handle.
    ///
    /// # Errors
    /// [`StartError`]. A mistake is found before anything is claimed, and before another rollout has to give way. A store
    /// that is busy, or away for a moment, is asked a few times.
    ///
    /// # Cancel safety
    /// Dropped, the rollout has been started or not; started again it goes on.
    pub async fn start(&self, revision: Revision) -> Result<Handle, StartError> {
        self.start_in(&self.shared.slot, revision, None, false).await
    }

    /// The same, taking over from an owner that still lives: that one's writes then fail.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn steal(&self, revision: Revision) -> Result<Handle, StartError> {
        self.start_in(&self.shared.slot, revision, None, true).await
    }

    /// Goes on with what was begun before: a rollout that has not ended, one that is still watched after its
    /// promotion, or the next one that an ended one asks for. None when there is nothing to go on with, also where it came
    /// to its end just now: what has ended is not begun again.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn resume(&self) -> Result<Option<Handle>, StartError> {
        self.resume_in(&self.shared.slot, None, false).await
    }

    /// The same, taking over from an owner that still lives: that one's writes then fail.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn take_over(&self) -> Result<Option<Handle>, StartError> {
        self.resume_in(&self.shared.slot, None, true).await
    }

    /// The rollout that `outcome` asks for: the revision that came meanwhile, or the way back of an abort that came
    /// too late. None when it asks for none.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn start_next(&self, outcome: &Outcome) -> Result<Option<Handle>, StartError> {
        match &outcome.report().next {
            Some(Next { revision, .. }) => self.start(revision.clone()).await.map(Some),
            None => Ok(None),
        }
    }
}

impl fmt::Debug for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout").field("target", &self.shared.target).finish_non_exhaustive()
    }
}
