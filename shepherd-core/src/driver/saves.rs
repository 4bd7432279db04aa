use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::within::within;
use crate::machine::{Save, Snapshot};
use crate::model::{Elapsed, Epoch, Target};
use crate::ports::{Clock, PortError, Saved, Sequence, Store, StoreError};

/// Counts the states of a rollout that had to be saved.
pub(super) type Version = u64;

/// Keeps the store behind the machine: one save at a time, the newest state, at once or joined with others.
pub(super) struct Saves {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    target: Target,
    epoch: Epoch,
    sequence: Sequence,
    limit: Duration,
    /// The last state that must be saved at once.
    wanted: Version,
    /// The last of them that is.
    saved: Version,
    /// When a state that may wait is saved at the latest.
    due: Option<Elapsed>,
    running: Option<(Version, Saving)>,
    /// The first save that was to end the ownership too; nothing is saved otherwise from then on.
    closing: Option<Sequence>,
    /// How long to wait before each next try, while saves fail.
    waits: Option<ExponentialBackoff>,
}

type Saving = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// How long saves that may wait are joined.
const JOINED: Duration = Duration::from_secs(2);
/// How long to wait before a save that failed is tried again: at first, and at most.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];

impl Saves {
    /// The first save keeps the plan. Nothing that brings the candidate forward begins before it; but that is not decided
    /// at once, and then the two are one save.
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        target: Target,
        epoch: Epoch,
        sequence: Sequence,
        limit: Duration,
    ) -> Self {
        let due = Some(clock.now().elapsed + JOINED);
        Self {
            store,
            clock,
            target,
            epoch,
            sequence,
            limit,
            wanted: 1,
            saved: 0,
            due,
            running: None,
            closing: None,
            waits: None,
        }
    }

    /// The same owner, under a later epoch: everything is saved anew, and who waits for a version goes on waiting.
    pub(super) fn restart(&mut self, epoch: Epoch, now: Elapsed) {
        self.epoch = epoch;
        self.running = None;
        self.closing = None;
        self.want_now(now);
    }

    /// Notes how urgently the present state must be saved, and answers its version.
    pub(super) fn want(&mut self, urgency: Save, now: Elapsed) -> Version {
        match urgency {
            Save::No => {}
            Save::Soon => self.due = Some(self.due.map_or(now + JOINED, |due| due.min(now + JOINED))),
            Save::Now => self.want_now(now),
        }
        self.wanted
    }

    /// What must be saved at once may wait a little all the same, since more will follow.
    pub(super) fn put_off(&mut self, now: Elapsed) {
        if self.waits.is_none() {
            self.due = self.due.map(|_| now + JOINED);
        }
    }

    /// The present state must be saved at once, whatever the machine says: somebody waits for it.
    pub(super) fn want_now(&mut self, now: Elapsed) {
        self.wanted += 1;
        self.due = Some(now);
    }

    /// Whether the candidate may be brought forward: every state that must be saved at once is, and the store has not
    /// failed since.
    pub(super) fn hold_nothing_up(&self) -> bool {
        self.all_saved() && self.waits.is_none()
    }

    /// Whether every state that must be saved at once is.
    pub(super) fn all_saved(&self) -> bool {
        self.saved == self.wanted
    }

    /// The last version that is saved.
    pub(super) fn saved(&self) -> Version {
        self.saved
    }

    /// Whether nothing at all is left to be saved.
    pub(super) fn is_idle(&self) -> bool {
        self.all_saved() && self.due.is_none() && self.running.is_none()
    }

    /// When a save is to begin; none while one runs or none is wanted.
    pub(super) fn due(&self) -> Option<Elapsed> {
        self.due.filter(|_| self.running.is_none())
    }

    /// Whether a save was begun that ends the ownership.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether it has ended the ownership.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closing() && self.is_idle()
    }

    /// Begins to save what `snapshot` answers, when that is due; `last` when nothing will follow.
    pub(super) fn begin(&mut self, now: Elapsed, last: bool, snapshot: impl FnOnce() -> Snapshot) {
        if self.due().is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        self.sequence = self.sequence.next();
        let saved = snapshot().encode().map(|snapshot| Saved { sequence: self.sequence, snapshot });
        let (store, clock) = (self.store.clone(), self.clock.clone());
        let (target, epoch, limit) = (self.target.clone(), self.epoch, self.limit);
        if last {
            self.closing.get_or_insert(self.sequence);
        }
        let closing = self.closing;
        let saving = async move {
            let saved = saved.map_err(|error| PortError::permanent("driver", error.to_string()))?;
            let keeping = async {
                match closing {
                    Some(first) => close(&*store, &target, epoch, first, &saved).await,
                    None => store.save(&target, epoch, &saved).await,
                }
            };
            within(&*clock, limit, "save the state", keeping).await
        };
        self.running = Some((self.wanted, Box::pin(saving)));
    }

    /// The end of the save that runs. Pending for ever when none does; may be dropped at any time.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], since nothing can be done about it. Everything else is tried again.
    pub(super) async fn ended(&mut self) -> Result<(), StoreError> {
        let Some((version, saving)) = &mut self.running else { return std::future::pending().await };
        let (version, result) = (*version, saving.await);
        self.running = None;
        match result {
            Ok(()) => {
                self.saved = self.saved.max(version);
                self.waits = None;
            }
            Err(error @ StoreError::Superseded { .. }) => return Err(error),
            Err(error) => {
                tracing::warn!(target = %self.target, %error, "the state could not be saved, and is tried again");
                let [first, longest] = AGAIN;
                let waits = self.waits.get_or_insert_with(|| {
                    let backoff = ExponentialBuilder::default().with_min_delay(first).with_max_delay(longest);
                    backoff.with_factor(2.0).without_max_times().build()
                });
                self.due = Some(self.clock.now().elapsed + waits.next().unwrap_or(longest));
            }
        }
        Ok(())
    }
}

/// Closing again what was closed, though its answer was lost, is no error: the epoch is still the last one, and what the
/// `first` try was to keep is kept.
async fn close(
    store: &dyn Store,
    target: &Target,
    epoch: Epoch,
    first: Sequence,
    last: &Saved,
) -> Result<(), StoreError> {
    match store.close(target, epoch, last).await {
        Err(superseded @ StoreError::Superseded { .. }) => match store.load(target).await? {
            Some((owner, Some(kept))) if owner == epoch && kept.sequence >= first => Ok(()),
            _ => Err(superseded),
        },
        closed => closed,
    }
}
