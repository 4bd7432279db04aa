use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument;

use super::perform::{Performer, Withdrawn};
use crate::machine::{Answer, Effect, EffectId};
use crate::model::{Failure, FailureKind};
use crate::plan::Stage;

/// What became of an effect.
pub(super) type Performed = (EffectId, Result<Answer, Failure>);

/// The effects that are being performed now, each in a task of its own, so that a panic in an adapter is an error of
/// that adapter. Dropping it ends them all.
#[derive(Default)]
pub(super) struct Effects {
    tasks: JoinSet<Result<Answer, Failure>>,
    /// Told true when the effect is withdrawn.
    running: HashMap<EffectId, watch::Sender<bool>>,
    ids: HashMap<Id, EffectId>,
}

impl Effects {
    pub(super) fn is_running(&self, id: EffectId) -> bool {
        self.running.contains_key(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Begins an effect of `stage`; a hook has as long as the stage.
    pub(super) fn begin(&mut self, id: EffectId, effect: Effect, stage: &Stage, performer: Arc<Performer>) {
        let (withdraw, withdrawn) = watch::channel(false);
        self.running.insert(id, withdraw);
        let span = tracing::debug_span!("effect", %id, stage = %stage.name(), effect = %effect);
        let within = stage.deadline().unwrap_or(performer.call_timeout);
        let task = async move { performer.perform(id, effect, within, Withdrawn(withdrawn)).await };
        let handle = self.tasks.spawn(task.instrument(span));
        self.ids.insert(handle.id(), id);
    }

    /// Effects that the machine offers no more are not begun, and not tried again. A call under way is left to end: what it did is
    /// then known.
    pub(super) fn keep(&mut self, wanted: impl Fn(EffectId) -> bool) {
        for (id, withdraw) in &self.running {
            if !wanted(*id) {
                withdraw.send_replace(true);
            }
        }
    }

    /// The next effect that came to an end. Pending for ever when none runs; may be dropped at any time.
    pub(super) async fn next(&mut self) -> Performed {
        loop {
            let (task, result) = match self.tasks.join_next_with_id().await {
                Some(Ok((task, result))) => (task, result),
                Some(Err(error)) => (error.id(), Err(panicked(&error))),
                None => std::future::pending().await,
            };
            // Every task that was begun has an effect.
            if let Some(id) = self.ids.remove(&task) {
                self.running.remove(&id);
                return (id, result);
            }
        }
    }
}

fn panicked(error: &JoinError) -> Failure {
    Failure::new(
        FailureKind::Permanent,
        "driver",
        format!("the adapter's call did not end by itself: {error}"),
    )
}
