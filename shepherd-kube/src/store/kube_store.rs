use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kube::Client;
use shepherd_core::model::{Epoch, Target, Timestamp};
use shepherd_core::ports::{Claim, Claimed, PortError, Saved, Store, StoreError};

use super::mine::{Mine, Owned};
use super::process_lease::ProcessLease;
use super::record::{Holder, Record};
use super::records::{Entry, Records};

/// How often a change is decided anew because somebody else wrote in between.
const TRIES: usize = 5;

const LEASE: Duration = Duration::from_secs(15);

/// The most that a snapshot may have. A `ConfigMap` takes 1 MiB with everything else that is in it.
const LARGEST: usize = 900 * 1024;

/// Keeps rollouts in the cluster: a `ConfigMap` for each target, and one Lease for each process. Clones share what they
/// own.
///
/// The record of `shop/web` is the `ConfigMap` `shepherd-shop.web`, labelled `shepherd.rs/store: rollout`. Every
/// change of it is a write of the whole object at the version that was read, so of two writers one gets through. One
/// that cannot be read, or that is not Shepherd's, is refused with its name and never written over. One that is
/// deleted under its owner is made anew by the next save.
///
/// A snapshot holds names, numbers, the plan and what guards and people said; what ports were given to log in with is
/// no part of it. So a `ConfigMap` will do, and no Secret is needed.
///
/// # Owners
/// `process` names the Lease, `shepherd-deploy-bot-0` for `deploy-bot-0`. Give each process that lives at the same time
/// a name of its own, and the same one after a restart: the pod's name in a `StatefulSet`, or the program's where only
/// one runs. An owner lives for the Lease's duration after its claim, which is 15 seconds unless
/// [told otherwise](Self::lease), and while its process has renewed the Lease within its duration. All rollouts of the
/// process renew the one Lease, and within a quarter of its duration after one write there is no other; a process whose
/// rollouts end sooner never writes it. A target that was released is free at once, whatever the Lease says.
///
/// At once, whatever the Lease says, a target is claimed by an owner of the same name, and by a process of the same
/// name that was restarted. Within one process an owner lives until it releases the target, or is stolen from.
///
/// Hours are told by [`Claim::now`] and [`Store::renew`]. Where the clocks of two machines differ by more than the
/// Lease's duration one may take over from the other too early. That does no harm: the one before saves nothing more,
/// and its writes outside fail at the fences.
///
/// Who was superseded learns it from its next save or clearing, which is refused. Else its renewals look at the
/// version of its record once in two durations of the Lease, and read the record only when that is another one; and
/// the next write outside that it tries is refused by a fence, whenever that is.
///
/// # Permissions
/// `get`, `create` and `update` on `configmaps`, and `get`, `create` and `update` on `leases` of `coordination.k8s.io`, in
/// this namespace; `list` on `configmaps` for whoever [lists](Store::list) rollouts.
///
/// # Cancel safety
/// A call that is dropped has happened or not, and the same call again completes it. A claim that was dropped holds
/// nobody of this process off.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::store::KubeStore;
///
/// let client = kube::Client::try_default().await?;
/// let store = KubeStore::new(client, "shop", "deploy-bot-0");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KubeStore {
    client: Client,
    pub(super) namespace: String,
    process: String,
    records: Arc<Records>,
    lease: Arc<ProcessLease>,
    mine: Arc<Mine>,
}

impl KubeStore {
    /// Records in this namespace, owned by the process of this name.
    pub fn new(client: Client, namespace: impl Into<String>, process: impl Into<String>) -> Self {
        let (namespace, process) = (namespace.into(), process.into());
        let records = Arc::new(Records::new(client.clone(), &namespace));
        let lease = Arc::new(ProcessLease::new(client.clone(), &namespace, &process, LEASE));
        Self { client, namespace, process, records, lease, mine: Arc::default() }
    }

    /// The same, with a Lease of this duration, in whole seconds. It is renewed three times as often.
    ///
    /// ```no_run
    /// # fn example(client: kube::Client) {
    /// # use std::time::Duration;
    /// use shepherd_kube::store::KubeStore;
    /// let store = KubeStore::new(client, "shop", "deploy-bot-0").lease(Duration::from_secs(60));
    /// # }
    /// ```
    #[must_use]
    pub fn lease(mut self, duration: Duration) -> Self {
        let duration = Duration::from_secs(duration.as_secs().max(1));
        self.lease =
            Arc::new(ProcessLease::new(self.client.clone(), &self.namespace, &self.process, duration));
        self.mine = Arc::default();
        self
    }

    /// Who holds a target, if that owner lives and is not the one who asks.
    async fn refuse_held(&self, target: &Target, record: &Record, claim: &Claim) -> Result<(), StoreError> {
        let other = record.holder.as_ref().filter(|holder| holder.owner != claim.owner && !claim.steal);
        let Some(holder) = other else { return Ok(()) };
        let owner = &holder.owner;
        if self.lives(target, record.epoch, holder, claim.now).await? {
            return Err(StoreError::Held { target: target.clone(), holder: owner.clone() });
        }
        Ok(())
    }

    async fn lives(
        &self,
        target: &Target,
        epoch: Epoch,
        Holder { process, until, .. }: &Holder,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.lease.is_this_run(process) {
            // Its claim was dropped before anybody was told, or it has been released.
            return Ok(self.mine.get(target, epoch).is_some_and(|owned| !owned.ended));
        }
        Ok(self.lease.lives(process, *until, now).await?)
    }

    /// Changes the record of a target as the owner of `epoch`, in one write, or none when it is as it shall be.
    async fn change(
        &self,
        target: &Target,
        epoch: Epoch,
        decide: impl Fn(&Record) -> Option<Record> + Send,
    ) -> Result<(), StoreError> {
        let owned = self.mine.get(target, epoch).ok_or_else(|| superseded(target, epoch))?;
        let mut known = owned.seen.clone();
        for _ in 0..TRIES {
            let entry = match known.take() {
                Some(seen) => seen,
                None => self.look(target, &owned).await?,
            };
            let Some(record) = decide(&entry.record) else { return Ok(()) };
            let written = self.records.write(target, &entry, &record).await;
            // After an error it may have been done or not.
            let seen = written.as_ref().ok().cloned().flatten();
            self.mine.update(target, epoch, |owned| (owned.seen, owned.checked) = (seen, None));
            if written?.is_some() {
                return Ok(());
            }
        }
        Err(self.records.crowded(target))
    }

    /// What the record is now, if it still is the owner's. One that was deleted is one that nothing was saved in.
    async fn look(&self, target: &Target, owned: &Owned) -> Result<Arc<Entry>, StoreError> {
        let Some(entry) = self.records.find(target).await? else {
            let record = Record { epoch: owned.epoch, holder: Some(owned.holder.clone()), saved: None };
            return Ok(Arc::new(Entry { record, ..Entry::default() }));
        };
        if entry.record.epoch != owned.epoch || entry.record.holder.is_none() {
            self.mine.forget(target, owned.epoch);
            return Err(superseded(target, owned.epoch));
        }
        Ok(entry)
    }

    /// Finds out, once in a while, whether somebody has taken over.
    async fn check(&self, target: &Target, owned: &Owned, now: Timestamp) -> Result<(), StoreError> {
        let due =
            |checked: Timestamp| now.since(checked).max(checked.since(now)) >= self.lease.duration() * 2;
        if owned.checked.is_some_and(due) {
            let known = owned.seen.as_ref().and_then(|seen| seen.metadata.resource_version.as_deref());
            let version = self.records.version(target).await?;
            if known.is_none() || version.as_deref() != known {
                let entry = self.look(target, owned).await?;
                self.mine.update(target, owned.epoch, |owned| owned.seen = Some(entry));
            }
        } else if owned.checked.is_some() {
            return Ok(());
        }
        self.mine.update(target, owned.epoch, |owned| owned.checked = Some(now));
        Ok(())
    }

    /// Makes the record say that nobody owns it, and what that owner saved last, if that is newer.
    async fn let_go(&self, target: &Target, epoch: Epoch, last: Option<&Saved>) -> Result<(), StoreError> {
        let free = |record: &Record| {
            let last = last.filter(|saved| record.newest() < Some((epoch, saved.sequence)));
            let saved = last.map(|saved| (epoch, saved.clone())).or_else(|| record.saved.clone());
            Record { holder: None, saved, ..record.clone() }
        };
        self.change(target, epoch, |record| Some(free(record))).await?;
        self.mine.forget(target, epoch);
        Ok(())
    }

    /// What could not be released before.
    async fn let_go_of_ended(&self) {
        for (target, epoch) in self.mine.ended() {
            if let Err(error) = self.release(&target, epoch).await {
                tracing::debug!(%target, %error, "a target that has ended is not released yet");
            }
        }
    }
}

#[async_trait]
impl Store for KubeStore {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        let _turn = self.mine.lane(target).await;
        for _ in 0..TRIES {
            let before = self.records.find(target).await?.unwrap_or_default();
            self.refuse_held(target, &before.record, claim).await?;
            let process = self.lease.process(claim.now).await?;
            let epoch = after(target, before.record.epoch)?.max(claim.at_least);
            let until = claim.now + self.lease.duration();
            let holder = Holder { owner: claim.owner.clone(), process, until };
            let record = Record { epoch, holder: Some(holder.clone()), saved: before.record.saved.clone() };
            let Some(entry) = self.records.write(target, &before, &record).await? else { continue };
            let (seen, checked) = (Some(entry), Some(claim.now));
            self.mine.claimed(target, Owned { epoch, holder, seen, checked, ended: false });
            return Ok(Claimed { epoch, saved: record.saved.map(|(_, saved)| saved) });
        }
        Err(self.records.crowded(target))
    }

    async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError> {
        let owned = self.mine.get(target, epoch).filter(|owned| !owned.ended);
        let owned = owned.ok_or_else(|| superseded(target, epoch))?;
        let renewed = self.lease.renew(now).await;
        self.check(target, &owned, now).await?;
        self.let_go_of_ended().await;
        Ok(renewed?)
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        fits(target, saved)?;
        if self.mine.get(target, epoch).is_some_and(|owned| owned.ended) {
            return Err(superseded(target, epoch));
        }
        let newer = |record: &Record| record.newest() < Some((epoch, saved.sequence));
        let keep = |record: &Record| Record { saved: Some((epoch, saved.clone())), ..record.clone() };
        self.change(target, epoch, |record| newer(record).then(|| keep(record))).await
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        if self.mine.get(target, epoch).is_none() {
            return Ok(());
        }
        self.mine.update(target, epoch, |owned| owned.ended = true);
        match self.let_go(target, epoch, None).await {
            Err(StoreError::Superseded { .. } | StoreError::Damaged { .. }) => {
                self.mine.forget(target, epoch);
                Ok(())
            }
            freed => freed,
        }
    }

    async fn close(&self, target: &Target, epoch: Epoch, last: &Saved) -> Result<(), StoreError> {
        fits(target, last)?;
        if self.mine.get(target, epoch).is_some_and(|owned| owned.ended) {
            return Err(superseded(target, epoch));
        }
        self.let_go(target, epoch, Some(last)).await
    }

    fn renew_every(&self) -> Duration {
        self.lease.duration() / 3
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        let found = self.records.find(target).await?;
        Ok(found.map(|entry| {
            let saved = entry.record.saved.as_ref().map(|(_, saved)| saved.clone());
            (entry.record.epoch, saved)
        }))
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        self.records.list().await
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        if self.mine.get(target, epoch).is_some_and(|owned| owned.ended) {
            return Err(superseded(target, epoch));
        }
        let forget = |record: &Record| Record { saved: None, ..record.clone() };
        self.change(target, epoch, |record| record.saved.is_some().then(|| forget(record))).await
    }
}

fn superseded(target: &Target, epoch: Epoch) -> StoreError {
    StoreError::Superseded { target: target.clone(), epoch }
}

fn after(target: &Target, epoch: Epoch) -> Result<Epoch, StoreError> {
    let next = epoch.get().checked_add(1).map(Epoch::new);
    Ok(next
        .ok_or_else(|| PortError::permanent("kube store", format!("the epochs of {target} have run out")))?)
}

fn fits(target: &Target, saved: &Saved) -> Result<(), StoreError> {
    let size = saved.snapshot.len();
    if size <= LARGEST {
        return Ok(());
    }
    let message = format!(
        "the snapshot of {target} has {size} bytes, and {LARGEST} fit into a ConfigMap beside the rest; \
         plan fewer stages and guards, or keep it in another store"
    );
    Err(PortError::permanent("kube store", message).into())
}

impl fmt::Debug for KubeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeStore")
            .field("namespace", &self.namespace)
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}
