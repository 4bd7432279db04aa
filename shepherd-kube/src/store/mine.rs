//! What this process owns, as far as it knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shepherd_core::model::{Epoch, Target, Timestamp};
use tokio::sync::OwnedMutexGuard;

use super::record::Holder;
use super::records::Entry;

#[derive(Default)]
pub(super) struct Mine {
    targets: Mutex<HashMap<Target, Owned>>,
    /// Claims of one target are made one after the other: what is known of it is known of the last one.
    lanes: Mutex<HashMap<Target, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone)]
pub(super) struct Owned {
    pub(super) epoch: Epoch,
    pub(super) holder: Holder,
    /// What was seen last; none when a write may have been done or not.
    pub(super) seen: Option<Arc<Entry>>,
    /// When the record was last seen to be ours; none when that was just now.
    pub(super) checked: Option<Timestamp>,
    /// It was released, and the record may not say so yet.
    pub(super) ended: bool,
}

impl Mine {
    /// Waits for the turn of a claim.
    pub(super) async fn lane(&self, target: &Target) -> OwnedMutexGuard<()> {
        let lane = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lanes.entry(target.clone()).or_default())
        };
        lane.lock_owned().await
    }

    /// What is owned under this epoch, released or not.
    pub(super) fn get(&self, target: &Target, epoch: Epoch) -> Option<Owned> {
        self.targets().get(target).filter(|owned| owned.epoch == epoch).cloned()
    }

    /// Owned from now on.
    pub(super) fn claimed(&self, target: &Target, owned: Owned) {
        self.targets().insert(target.clone(), owned);
    }

    pub(super) fn update(&self, target: &Target, epoch: Epoch, update: impl FnOnce(&mut Owned)) {
        if let Some(owned) = self.targets().get_mut(target).filter(|owned| owned.epoch == epoch) {
            update(owned);
        }
    }

    pub(super) fn forget(&self, target: &Target, epoch: Epoch) {
        let mut targets = self.targets();
        if targets.get(target).is_some_and(|owned| owned.epoch == epoch) {
            targets.remove(target);
        }
    }

    /// Released, while their records may still say otherwise.
    pub(super) fn ended(&self) -> Vec<(Target, Epoch)> {
        let targets = self.targets();
        targets
            .iter()
            .filter(|(_, owned)| owned.ended)
            .map(|(target, owned)| (target.clone(), owned.epoch))
            .collect()
    }

    fn targets(&self) -> MutexGuard<'_, HashMap<Target, Owned>> {
        // Entries are changed whole, so a poisoned lock guards whole ones.
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
