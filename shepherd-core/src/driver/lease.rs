use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::within::within;
use crate::model::{Elapsed, Epoch, Now, Target};
use crate::ports::{Clock, Store, StoreError};

/// Says to the store, now and then, that the owner lives. A store that does not answer holds up nothing.
pub(super) struct Lease {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    target: Target,
    epoch: Epoch,
    limit: Duration,
    every: Duration,
    renewed: Elapsed,
    running: Option<Renewing>,
}

/// Whatever a store asks for, it is not kept busy.
const SOONEST: Duration = Duration::from_secs(1);

type Renewing = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

impl Lease {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        target: Target,
        epoch: Epoch,
        limit: Duration,
    ) -> Self {
        let (every, renewed) = (store.renew_every().max(SOONEST), clock.now().elapsed);
        Self { store, clock, target, epoch, limit, every, renewed, running: None }
    }

    /// The same owner, under a later epoch that was claimed just now.
    pub(super) fn restart(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        self.renewed = self.clock.now().elapsed;
        self.running = None;
    }

    /// When a renewal is to begin; none while one runs.
    pub(super) fn due(&self) -> Option<Elapsed> {
        self.running.is_none().then_some(self.renewed + self.every)
    }

    /// Begins to renew, when that is due.
    pub(super) fn begin(&mut self, now: Now) {
        if self.due().is_none_or(|due| due > now.elapsed) {
            return;
        }
        self.renewed = now.elapsed;
        let (store, clock, target) = (self.store.clone(), self.clock.clone(), self.target.clone());
        let (epoch, limit) = (self.epoch, self.limit);
        self.running = Some(Box::pin(async move {
            within(&*clock, limit, "renew the lease", store.renew(&target, epoch, now.wall)).await
        }));
    }

    /// The end of the renewal that runs. Pending for ever when none does; may be dropped at any time.
    ///
    /// # Errors
    /// [`StoreError::Superseded`], since nothing can be done about it. Everything else is tried again.
    pub(super) async fn ended(&mut self) -> Result<(), StoreError> {
        let Some(renewing) = &mut self.running else { return std::future::pending().await };
        let result = renewing.await;
        self.running = None;
        match result {
            Err(error) if !matches!(error, StoreError::Superseded { .. }) => {
                tracing::warn!(%error, "cannot say that this owner lives");
                Ok(())
            }
            result => result,
        }
    }
}
