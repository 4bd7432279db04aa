use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::model::{Epoch, Target, Timestamp};
use crate::ports::{Claim, Claimed, Owner, PortError, Saved, Store, StoreError};

const LEASE: Duration = Duration::from_secs(30);

/// Keeps records in memory: for tests, and for rollouts that end with the process. Clones share their records.
///
/// An owner lives until its lease runs out, counted from its last claim or renewal by the hours that callers tell;
/// the same owner's name claims again at once.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_core::model::Timestamp;
/// use shepherd_core::ports::{Claim, Owner, Saved, Sequence, Store};
/// use shepherd_core::store::MemoryStore;
///
/// let store = MemoryStore::new();
/// let web = "shop/web".parse()?;
/// let claim = Claim::new(Owner::new("deploy-bot"), Timestamp::from_millis(0));
/// let owned = store.claim(&web, &claim).await?;
/// let saved = Saved { sequence: Sequence::new(1), snapshot: "{}".to_owned() };
/// store.save(&web, owned.epoch, &saved).await?;
/// assert_eq!(store.load(&web).await?, Some((owned.epoch, Some(saved))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct MemoryStore {
    lease: Duration,
    records: Arc<Mutex<BTreeMap<Target, Record>>>,
}

#[derive(Debug, Default)]
struct Record {
    epoch: Epoch,
    lease: Option<Lease>,
    /// With the epoch that saved it, since sequences are compared within an epoch only.
    saved: Option<(Epoch, Saved)>,
}

#[derive(Debug)]
struct Lease {
    owner: Owner,
    renewed: Timestamp,
}

impl MemoryStore {
    /// An empty store, with leases of 30 seconds.
    ///
    /// ```
    /// let store = shepherd_core::store::MemoryStore::new();
    /// ```
    pub fn new() -> Self {
        Self { lease: LEASE, records: Arc::default() }
    }

    /// The same, with leases of this length.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let store = shepherd_core::store::MemoryStore::new().with_lease(Duration::from_secs(5));
    /// ```
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<Target, Record>> {
        // A record is changed after everything that may panic, so a poisoned lock guards whole records.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the record of a target as the owner of `epoch`.
    fn as_owner(
        &self,
        target: &Target,
        epoch: Epoch,
        change: impl FnOnce(&mut Record, &mut Lease),
    ) -> Result<(), StoreError> {
        let superseded = || StoreError::Superseded { target: target.clone(), epoch };
        let mut records = self.records();
        let record = records.get_mut(target).filter(|record| record.epoch == epoch).ok_or_else(superseded)?;
        let mut lease = record.lease.take().ok_or_else(superseded)?;
        change(record, &mut lease);
        record.lease = Some(lease);
        Ok(())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Record {
    fn holder(&self, claim: &Claim, length: Duration) -> Option<&Owner> {
        let lease = self.lease.as_ref()?;
        let lives = claim.now.since(lease.renewed) < length;
        (lives && lease.owner != claim.owner).then_some(&lease.owner)
    }

    fn keep(&mut self, saved: &Saved) {
        let stored = self.saved.as_ref().map(|(epoch, saved)| (*epoch, saved.sequence));
        if stored < Some((self.epoch, saved.sequence)) {
            self.saved = Some((self.epoch, saved.clone()));
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut records = self.records();
        let present = records.get(target);
        if let Some(holder) = present.and_then(|record| record.holder(claim, self.lease))
            && !claim.steal
        {
            return Err(StoreError::Held { target: target.clone(), holder: holder.clone() });
        }
        let counted = present.map_or(Epoch::default(), |record| record.epoch);
        let next = counted.get().checked_add(1).map(Epoch::new);
        let epoch = next.ok_or_else(|| PortError::permanent("memory store", "epochs have run out"))?;
        let record = records.entry(target.clone()).or_default();
        record.epoch = epoch.max(claim.at_least);
        record.lease = Some(Lease { owner: claim.owner.clone(), renewed: claim.now });
        Ok(Claimed { epoch: record.epoch, saved: record.saved.as_ref().map(|(_, saved)| saved.clone()) })
    }

    async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError> {
        // The hour may jump back; that must not shorten a lease.
        self.as_owner(target, epoch, |_, lease| lease.renewed = lease.renewed.max(now))
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        self.as_owner(target, epoch, |record, _| record.keep(saved))
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        if let Some(record) = self.records().get_mut(target).filter(|record| record.epoch == epoch) {
            record.lease = None;
        }
        Ok(())
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        let records = self.records();
        let saved = |record: &Record| record.saved.as_ref().map(|(_, saved)| saved.clone());
        Ok(records.get(target).map(|record| (record.epoch, saved(record))))
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        Ok(self.records().keys().cloned().collect())
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.as_owner(target, epoch, |record, _| record.saved = None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Sequence;

    fn web() -> Target {
        "shop/web".parse().unwrap()
    }

    fn claim(owner: &str, second: u64) -> Claim {
        Claim::new(Owner::new(owner), Timestamp::from_millis(second * 1000))
    }

    fn saved(sequence: u64, snapshot: &str) -> Saved {
        Saved { sequence: Sequence::new(sequence), snapshot: snapshot.to_owned() }
    }

    async fn stored(store: &MemoryStore) -> Option<String> {
        store.load(&web()).await.unwrap().unwrap().1.map(|saved| saved.snapshot)
    }

    #[tokio::test]
    async fn an_owner_lives_as_long_as_it_renews() {
        let store = MemoryStore::new().with_lease(Duration::from_secs(10));
        let first = store.claim(&web(), &claim("a", 0)).await.unwrap();
        store.renew(&web(), first.epoch, Timestamp::from_millis(8_000)).await.unwrap();
        store.renew(&web(), first.epoch, Timestamp::from_millis(1_000)).await.unwrap();
        let refused = store.claim(&web(), &claim("b", 17)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Held { holder, .. } if holder == Owner::new("a")));
        let second = store.claim(&web(), &claim("b", 18)).await.unwrap();
        assert!(second.epoch > first.epoch);
        let late = store.renew(&web(), first.epoch, Timestamp::from_millis(19_000)).await;
        assert!(matches!(late, Err(StoreError::Superseded { .. })));
    }

    #[tokio::test]
    async fn the_same_name_goes_on_at_once_and_a_released_one_is_free() {
        let store = MemoryStore::new();
        let first = store.claim(&web(), &claim("a", 0)).await.unwrap();
        let again = store.claim(&web(), &claim("a", 0)).await.unwrap();
        assert!(again.epoch > first.epoch);
        store.release(&web(), first.epoch).await.unwrap();
        assert!(store.claim(&web(), &claim("b", 0)).await.is_err(), "an old epoch releases nothing");
        store.release(&web(), again.epoch).await.unwrap();
        let late = store.save(&web(), again.epoch, &saved(1, "late")).await;
        assert!(matches!(late, Err(StoreError::Superseded { .. })));
        store.claim(&web(), &claim("b", 0)).await.unwrap();
    }

    #[tokio::test]
    async fn a_thief_supersedes_a_living_owner_and_counts_from_what_was_seen_outside() {
        let store = MemoryStore::new();
        let first = store.claim(&web(), &claim("a", 0)).await.unwrap();
        store.save(&web(), first.epoch, &saved(5, "five")).await.unwrap();
        let thief = claim("b", 0).stealing().at_least(Epoch::new(40));
        let stolen = store.claim(&web(), &thief).await.unwrap();
        assert_eq!((stolen.epoch, stolen.saved), (Epoch::new(40), Some(saved(5, "five"))));
        let late = store.save(&web(), first.epoch, &saved(6, "late")).await;
        assert!(matches!(late, Err(StoreError::Superseded { .. })));
        store.save(&web(), stolen.epoch, &saved(1, "a new count")).await.unwrap();
        assert_eq!(stored(&store).await.as_deref(), Some("a new count"));
    }

    #[tokio::test]
    async fn only_a_newer_sequence_is_kept_and_clearing_keeps_the_epoch() {
        let store = MemoryStore::new();
        let owned = store.claim(&web(), &claim("a", 0)).await.unwrap();
        for (sequence, snapshot) in [(2, "two"), (2, "again"), (1, "one")] {
            store.save(&web(), owned.epoch, &saved(sequence, snapshot)).await.unwrap();
            assert_eq!(stored(&store).await.as_deref(), Some("two"));
        }
        store.clear(&web(), owned.epoch).await.unwrap();
        assert_eq!(store.load(&web()).await.unwrap(), Some((owned.epoch, None)));
        assert_eq!(store.list().await.unwrap(), [web()]);
        let last = store.claim(&web(), &claim("a", 0).at_least(Epoch::new(u64::MAX))).await.unwrap();
        assert!(store.claim(&web(), &claim("a", 0)).await.is_err(), "epochs never start again");
        store.release(&web(), last.epoch).await.unwrap();
    }
}
