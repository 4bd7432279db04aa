use std::sync::Arc;

use async_trait::async_trait;
use shepherd_core::model::{Epoch, Target, Timestamp};
use shepherd_core::ports::{Claim, Claimed, PortError, Saved, Store, StoreError};
use shepherd_core::store::MemoryStore;

use super::Script;

/// A [`Store`] in memory whose calls fail as told. A failed call changes nothing.
#[derive(Clone, Default)]
pub struct ScriptedStore {
    records: Arc<MemoryStore>,
    /// The claims.
    pub claims: Script<Claim, ()>,
    /// The renewals.
    pub renewals: Script<Epoch, ()>,
    /// The saves.
    pub saves: Script<(Epoch, Saved), ()>,
    /// The loads.
    pub loads: Script<Target, ()>,
}

#[async_trait]
impl Store for ScriptedStore {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        self.claims.answer(claim.clone(), || ()).map_err(PortError::from)?;
        self.records.claim(target, claim).await
    }

    async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError> {
        self.renewals.answer(epoch, || ()).map_err(PortError::from)?;
        self.records.renew(target, epoch, now).await
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        self.saves.answer((epoch, saved.clone()), || ()).map_err(PortError::from)?;
        self.records.save(target, epoch, saved).await
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.records.release(target, epoch).await
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        self.loads.answer(target.clone(), || ()).map_err(PortError::from)?;
        self.records.load(target).await
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        self.records.list().await
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.records.clear(target, epoch).await
    }
}
