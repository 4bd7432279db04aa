use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::slot::Slot;
use super::{Handle, Rollout, StartError};
use crate::model::{Revision, Target};

/// Many rollouts in one process, that share a bound on how many calls are made to the outside at a time. Cheap to
/// clone.
///
/// The way back needs no permit: neither the writes that take users off the candidate and bring stable's replicas back,
/// nor the looks between them, from the moment at which it is decided. However busy the fleet is, nobody waits for that.
/// Everything else takes one for each call: it is the looks of rollouts that go well which are many.
///
/// ```no_run
/// use std::num::NonZeroUsize;
/// use shepherd_core::{driver::Fleet, model::Revision};
///
/// const CALLS: NonZeroUsize = NonZeroUsize::new(64).unwrap();
///
/// # async fn example(rollouts: Vec<shepherd_core::driver::Rollout>) -> Result<(), Box<dyn std::error::Error>> {
/// let fleet = Fleet::new(CALLS);
/// for rollout in &rollouts {
///     fleet.start(rollout, Revision::new("shop:v2")?).await?;
/// }
/// println!("{} rollouts run", fleet.all().await.len());
/// fleet.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Fleet {
    shared: Arc<Shared>,
}

struct Shared {
    permits: Arc<Semaphore>,
    closing: AtomicBool,
    slots: Mutex<BTreeMap<Target, Arc<Slot>>>,
}

impl Fleet {
    /// A fleet that makes at most so many calls at a time.
    pub fn new(calls: NonZeroUsize) -> Self {
        let permits = Arc::new(Semaphore::new(calls.get().min(Semaphore::MAX_PERMITS)));
        Self {
            shared: Arc::new(Shared { permits, closing: AtomicBool::new(false), slots: Mutex::default() }),
        }
    }

    /// Rolls `revision` out, as [`Rollout::start`] does, under the fleet's bound. Of two starts of one target at once
    /// one waits for the other.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::Closing`] when the fleet is closing.
    ///
    /// # Cancel safety
    /// As [`Rollout::start`].
    pub async fn start(&self, rollout: &Rollout, revision: Revision) -> Result<Handle, StartError> {
        let slot = self.slot(rollout)?;
        let handle = rollout.start_in(&slot, revision, Some(self.shared.permits.clone()), false).await?;
        self.unless_closing(handle).await
    }

    /// Goes on with what was begun before, as [`Rollout::resume`] does, under the fleet's bound.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::Closing`] when the fleet is closing.
    ///
    /// # Cancel safety
    /// As [`Rollout::start`].
    pub async fn resume(&self, rollout: &Rollout) -> Result<Option<Handle>, StartError> {
        let slot = self.slot(rollout)?;
        match rollout.resume_in(&slot, Some(self.shared.permits.clone()), false).await? {
            Some(handle) => self.unless_closing(handle).await.map(Some),
            None => Ok(None),
        }
    }

    /// The rollout of a target that the fleet drives now. Waits while one is being started there.
    pub async fn get(&self, target: &Target) -> Option<Handle> {
        let slot = self.slots().get(target).cloned()?;
        driven(&slot).await
    }

    /// All that the fleet drives now. Waits for those that are being started.
    pub async fn all(&self) -> Vec<(Target, Handle)> {
        let slots: Vec<_> =
            self.slots().iter().map(|(target, slot)| (target.clone(), slot.clone())).collect();
        let mut running = Vec::new();
        for (target, slot) in slots {
            if let Some(handle) = driven(&slot).await {
                running.push((target, handle));
            }
        }
        running
    }

    /// Detaches all of them, and starts none any more. Their state is kept.
    ///
    /// # Cancel safety
    /// Dropped, some are detached; closed again the others are.
    pub async fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        let detaching: Vec<_> =
            self.all().await.into_iter().map(|(_, handle)| tokio::spawn(detach(handle))).collect();
        for one in detaching {
            // What happened to it is told to whoever holds its handle.
            let _ = one.await;
        }
    }

    fn slot(&self, rollout: &Rollout) -> Result<Arc<Slot>, StartError> {
        let slot = self.slots().entry(rollout.target().clone()).or_default().clone();
        if self.is_closing() { Err(StartError::Closing) } else { Ok(slot) }
    }

    /// What began while the fleet closed is let go.
    async fn unless_closing(&self, handle: Handle) -> Result<Handle, StartError> {
        if !self.is_closing() {
            return Ok(handle);
        }
        handle.detach().await;
        Err(StartError::Closing)
    }

    fn is_closing(&self) -> bool {
        self.shared.closing.load(Ordering::SeqCst)
    }

    fn slots(&self) -> MutexGuard<'_, BTreeMap<Target, Arc<Slot>>> {
        // Nothing panics while it is held, and a map is whole after each of its calls.
        self.shared.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn driven(slot: &Slot) -> Option<Handle> {
    let slot = slot.lock().await;
    slot.as_ref().map(|running| running.handle.clone()).filter(Handle::is_driven)
}

async fn detach(handle: Handle) {
    handle.detach().await;
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("targets", &self.slots().len()).finish_non_exhaustive()
    }
}
