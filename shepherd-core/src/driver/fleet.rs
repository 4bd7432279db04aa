use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::{Handle, Rollout, StartError};
use crate::model::{Revision, Target};

/// Many rollouts in one process, that share a bound on how many calls are made to the outside at a time. Cheap to
/// clone.
///
/// The way back needs no permit: neither the writes that take users off the candidate and bring stable's replicas back,
/// nor the looks between them, from the moment at which it is decided. However busy the fleet is, nobody waits for that.
/// Everything else takes one for each call: it is the looks of rollouts that go well which are many.
#[derive(Clone)]
pub struct Fleet {
    shared: Arc<Shared>,
}

struct Shared {
    permits: Arc<Semaphore>,
    running: Mutex<BTreeMap<Target, (Revision, Handle)>>,
}

impl Fleet {
    /// A fleet that makes at most so many calls at a time; at least one.
    pub fn new(calls: usize) -> Self {
        let permits = Arc::new(Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS)));
        Self { shared: Arc::new(Shared { permits, running: Mutex::new(BTreeMap::new()) }) }
    }

    /// Rolls `revision` out. When the fleet drives the same already, its handle is answered; another revision of the
    /// same target is first taken back, which is waited for.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been changed.
    pub async fn start(&self, rollout: &Rollout, revision: Revision) -> Result<Handle, StartError> {
        if self.shared.permits.is_closed() {
            return Err(StartError::Closing);
        }
        if let Some((running, handle)) = self.running(rollout.target()) {
            if running == revision {
                return Ok(handle);
            }
            rollout.end_other(&handle, &revision).await?;
        }
        let permits = Some(self.shared.permits.clone());
        let handle = rollout.start_within(revision.clone(), permits, false).await?;
        self.lock().insert(rollout.target().clone(), (revision, handle.clone()));
        Ok(handle)
    }

    /// The rollout of a target that the fleet drives now.
    pub fn get(&self, target: &Target) -> Option<Handle> {
        self.running(target).map(|(_, handle)| handle)
    }

    /// All that the fleet drives now.
    pub fn all(&self) -> Vec<(Target, Handle)> {
        let mut running = self.lock();
        running.retain(|_, (_, handle)| handle.is_driven());
        running.iter().map(|(target, (_, handle))| (target.clone(), handle.clone())).collect()
    }

    /// Detaches all of them, and starts none any more. Their state is kept.
    pub async fn close(&self) {
        for (_, handle) in self.all() {
            handle.detach().await;
            // How it ended is told to whoever holds the handle.
            let _ = handle.outcome().await;
        }
        self.shared.permits.close();
    }

    fn running(&self, target: &Target) -> Option<(Revision, Handle)> {
        self.lock().get(target).filter(|(_, handle)| handle.is_driven()).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Target, (Revision, Handle)>> {
        // Nothing panics while it is held, and a map is whole after each of its calls.
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
