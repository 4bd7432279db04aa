use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::bound::Ports;
use super::within::within;
use crate::machine::EffectId;
use crate::model::{Epoch, Failure, Target};
use crate::ports::{Claim, Owner, StoreError};

/// Writes that a fence refused, and what stands behind it: either a later owner is there, or marks were seen that no
/// store knows of. The store is asked while everything else goes on.
#[derive(Default)]
pub(super) struct Fences {
    refused: Vec<(EffectId, Failure)>,
    asking: Option<Asking>,
    claims: bool,
}

type Asking = Pin<Box<dyn Future<Output = Result<Standing, StoreError>> + Send>>;

/// Who owns the target.
pub(super) enum Standing {
    /// Somebody later.
    Another,
    /// Who asks.
    Us,
    /// Who asks, under a later epoch from now on.
    UsAbove(Epoch),
}

/// Who asks.
pub(super) struct Asker {
    pub(super) ports: Ports,
    pub(super) target: Target,
    pub(super) owner: Owner,
    pub(super) epoch: Epoch,
    pub(super) limit: Duration,
}

impl Fences {
    /// Whether an effect was refused, and what that means is not known yet.
    pub(super) fn holds(&self, id: EffectId) -> bool {
        self.refused.iter().any(|(one, _)| *one == id)
    }

    /// Whether a later epoch may have been claimed already: the present one must not be used then.
    pub(super) fn is_claiming(&self) -> bool {
        self.claims && self.asking.is_some()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.asking.is_none()
    }

    /// A write was refused. `claiming` when it was to stamp the owner, and the epoch is to be counted on.
    pub(super) fn refused(&mut self, id: EffectId, failure: Failure, claiming: bool, asker: Asker) {
        self.refused.push((id, failure));
        if self.asking.is_none() || (claiming && !self.claims) {
            self.claims = claiming;
            self.asking = Some(Box::pin(asker.ask(claiming)));
        }
    }

    /// What stands behind the fence, and what it refused. Pending for ever when nothing is asked; may be dropped at
    /// any time.
    pub(super) async fn known(&mut self) -> (Result<Standing, StoreError>, Vec<(EffectId, Failure)>) {
        let Some(asking) = &mut self.asking else { return std::future::pending().await };
        let standing = asking.await;
        self.asking = None;
        (standing, std::mem::take(&mut self.refused))
    }
}

impl Asker {
    async fn ask(self, claiming: bool) -> Result<Standing, StoreError> {
        let (store, clock) = (&self.ports.store, &*self.ports.clock);
        let loaded = within(clock, self.limit, "load the record", store.load(&self.target)).await?;
        if loaded.is_some_and(|(epoch, _)| epoch > self.epoch) {
            return Ok(Standing::Another);
        }
        if !claiming {
            return Ok(Standing::Us);
        }
        // The store is younger than the marks outside: the epoch is counted on from them.
        let seen = self.ports.outside().await.epoch();
        let claim = Claim::new(self.owner.clone(), clock.now().wall).at_least(seen.next()).stealing();
        let claimed =
            within(clock, self.limit, "claim the target", store.claim(&self.target, &claim)).await?;
        Ok(Standing::UsAbove(claimed.epoch))
    }
}
