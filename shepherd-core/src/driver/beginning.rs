//! From what is wanted of a target to a rollout of it that is driven.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::bound::Outside;
use super::held::Held;
use super::slot::{Running, Slot};
use super::task::{Assignment, Task};
use super::{Handle, Rollout, StartError};
use crate::machine::{Command, Machine, Snapshot};
use crate::model::{Epoch, Reason, Revision, RolloutId, TrackState};
use crate::plan::{Change, Plan};
use crate::ports::{Claim, Claimed, PortError, Saved, Sequence, StoreError, TrafficRouter};

impl Rollout {
    pub(super) async fn start_in(
        &self,
        slot: &Slot,
        revision: Revision,
        permits: Option<Arc<Semaphore>>,
        steal: bool,
    ) -> Result<Handle, StartError> {
        let mut slot = slot.lock().await;
        if let Some(running) = slot.as_ref().filter(|running| running.handle.is_driven()) {
            let ended = running.handle.status().outcome.is_some();
            if running.revision == revision && !ended {
                return Ok(running.handle.clone());
            }
            if let Some(handle) = self.give_way(&running.handle, &revision).await? {
                return Ok(handle);
            }
        }
        let handle = self.begin(&revision, permits, steal).await?;
        *slot = Some(Running { revision, handle: handle.clone() });
        Ok(handle)
    }

    /// What is under way, or comes after it; none where nothing is. That is decided by what the claim finds: whoever drove
    /// it until then may have ended it, and what has ended is not begun again.
    pub(super) async fn resume_in(
        &self,
        slot: &Slot,
        permits: Option<Arc<Semaphore>>,
        steal: bool,
    ) -> Result<Option<Handle>, StartError> {
        let mut slot = slot.lock().await;
        if let Some(Running { handle, .. }) = slot.as_ref().filter(|running| running.handle.is_driven()) {
            if handle.status().outcome.as_ref().is_none_or(|outcome| outcome.report().next.is_none()) {
                return Ok(Some(handle.clone()));
            }
            handle.detach().await;
        }
        let seen = decoded(self.loaded().await?.as_ref())?;
        let Some(revision) = seen.as_ref().and_then(under_way) else { return Ok(None) };
        let outside = self.shared.ports.outside().await;
        let above = outside.epoch().next();
        self.refuse_mistake(&revision, seen.as_ref(), outside)?;
        let held = self.claim(above, steal).await?;
        match self.found(&held, permits).await {
            Ok(Some(handle)) => {
                held.keep();
                let revision = handle.status().candidate.clone();
                *slot = Some(Running { revision, handle: handle.clone() });
                Ok(Some(handle))
            }
            nothing => {
                held.release().await;
                nothing
            }
        }
    }

    /// What a claim has found, gone on with.
    async fn found(
        &self,
        held: &Held,
        permits: Option<Arc<Semaphore>>,
    ) -> Result<Option<Handle>, StartError> {
        let snapshot = decoded(held.claimed.saved.as_ref())?;
        let Some(revision) = snapshot.as_ref().and_then(under_way) else { return Ok(None) };
        let (Begun::Wanted(handle) | Begun::Other(handle)) = self.go_on(&revision, held, permits).await?;
        Ok(Some(handle))
    }

    /// Ends what runs in favour of `revision`, and waits until the target is free. Answers what runs when that is all
    /// that is wanted.
    async fn give_way(&self, running: &Handle, revision: &Revision) -> Result<Option<Handle>, StartError> {
        let status = running.status();
        if status.outcome.is_some() {
            // Only the watching after its promotion is left, and another rollout ends that.
            running.detach().await;
            return Ok(None);
        }
        let by = self.shared.actor.clone();
        let reverts = *revision == status.stable;
        if !reverts {
            // A revision that cannot be rolled out is no reason to end the one that is.
            self.plan(revision.clone()).await?;
        }
        let command = if reverts {
            Command::Abort { reason: Reason::new(format!("{revision} is wanted again")) }
        } else {
            Command::Supersede { revision: revision.clone() }
        };
        // Refused when it has ended meanwhile, which is as good.
        let _ = running.pull(by, command).await;
        if reverts {
            return Ok(Some(running.clone()));
        }
        running.outcome().await?;
        running.detach().await;
        Ok(None)
    }

    async fn begin(
        &self,
        revision: &Revision,
        permits: Option<Arc<Semaphore>>,
        steal: bool,
    ) -> Result<Handle, StartError> {
        loop {
            let outside = self.shared.ports.outside().await;
            let above = outside.epoch().next();
            match self.loaded().await {
                Err(StoreError::Port(error)) if error.kind().is_passing() => {}
                saved => self.refuse_mistake(revision, decoded(saved?.as_ref())?.as_ref(), outside)?,
            }
            let claim = self.claim(above, steal).await?;
            let handle = match self.go_on(revision, &claim, permits.clone()).await {
                Ok(Begun::Wanted(handle)) => {
                    claim.keep();
                    return Ok(handle);
                }
                Ok(Begun::Other(handle)) => handle,
                Err(error) => {
                    claim.release().await;
                    return Err(error);
                }
            };
            claim.keep();
            if let Some(handle) = self.give_way(&handle, revision).await? {
                return Ok(handle);
            }
        }
    }

    /// The record, before the target is claimed.
    async fn loaded(&self) -> Result<Option<Saved>, StoreError> {
        let ports = &self.shared.ports;
        let loaded = ports.within("load the record", ports.store.load(&self.shared.target)).await?;
        Ok(loaded.and_then(|(_, saved)| saved))
    }

    /// What cannot begin, or cannot go on with what is under way, is refused before the store hears of it: whoever drives
    /// that still goes on. What could not be seen for a moment is looked at again after the claim.
    fn refuse_mistake(
        &self,
        revision: &Revision,
        seen: Option<&Snapshot>,
        outside: Outside,
    ) -> Result<(), StartError> {
        if let Some(snapshot) = seen.filter(|snapshot| goes_on(snapshot, revision)) {
            return self.check_ports(snapshot);
        }
        let stable = match self.shared.ports.stable_in(outside) {
            Err(error) if error.kind().is_passing() => return Ok(()),
            stable => stable,
        };
        self.plan_from(stable, revision.clone()).map(drop)
    }

    async fn claim(&self, above: Epoch, steal: bool) -> Result<Held, StartError> {
        let ports = &self.shared.ports;
        let claim = Claim::new(self.shared.owner.clone(), ports.clock.now().wall).at_least(above);
        let claim = if steal { claim.stealing() } else { claim };
        let target = self.shared.target.clone();
        let claimed = ports.claim(&target, &claim).await?;
        Ok(Held::new(claimed, target, ports.clone()))
    }

    async fn go_on(
        &self,
        revision: &Revision,
        held: &Held,
        permits: Option<Arc<Semaphore>>,
    ) -> Result<Begun, StartError> {
        let Claimed { epoch, saved } = &held.claimed;
        let sequence = saved.as_ref().map(|saved| saved.sequence).unwrap_or_default();
        let Some(snapshot) = decoded(saved.as_ref())?.filter(|snapshot| goes_on(snapshot, revision)) else {
            let plan = self.plan(revision.clone()).await?;
            let rollout = RolloutId::of(plan.target(), *epoch);
            let machine = Machine::start(plan, rollout, *epoch, self.shared.ports.clock.now());
            return Ok(Begun::Wanted(self.spawn(machine, sequence, permits)));
        };
        self.check_ports(&snapshot)?;
        let wanted = snapshot.plan().candidate() == revision;
        let machine = Machine::resume(snapshot, *epoch)?;
        let handle = self.spawn(machine, sequence, permits);
        Ok(if wanted { Begun::Wanted(handle) } else { Begun::Other(handle) })
    }

    /// What was begun elsewhere is left alone: nothing that is written here would reach its users. What the plan names
    /// and nobody bound is refused, unless users may be meeting the candidate: then it is gone on with all the same, so
    /// that it can be taken back, and what is missing fails when it is needed.
    fn check_ports(&self, snapshot: &Snapshot) -> Result<(), StartError> {
        let ports = &self.shared.ports;
        if let Some((begun, bound)) = snapshot.plan().ground().unlike(&ports.ground()) {
            let (target, begun, bound) = (self.shared.target.to_string(), begun.to_owned(), bound.to_owned());
            return Err(StartError::Elsewhere { target, begun, bound });
        }
        let fits = ports.fit(snapshot.plan());
        let can_take_back = !snapshot.plan().mode().routed() || ports.router.is_some();
        match fits {
            Err(missing) if snapshot.is_exposed() && can_take_back => {
                tracing::warn!(%missing, "gone on with what there is, since users may be meeting the candidate");
                Ok(())
            }
            fits => Ok(fits?),
        }
    }

    pub(super) fn plan_from(
        &self,
        stable: Result<TrackState, PortError>,
        revision: Revision,
    ) -> Result<Plan, StartError> {
        let shared = &self.shared;
        let target = || shared.target.to_string();
        let stable = stable.map_err(|source| StartError::Unobservable { target: target(), source })?;
        let Some(serving) = stable.revision else {
            return Err(StartError::NothingDeployed { target: target() });
        };
        let mut change = Change::new(shared.target.clone(), serving, revision)
            .replicas(stable.desired)
            .attention(shared.attention);
        change.router = shared.ports.router.as_ref().map(TrafficRouter::capabilities);
        change.ground = shared.ports.ground();
        change.guards.clone_from(&shared.guards);
        let plan = shared.strategy.plan(&change)?;
        shared.ports.fit(&plan)?;
        Ok(plan)
    }

    fn spawn(&self, machine: Machine, sequence: Sequence, permits: Option<Arc<Semaphore>>) -> Handle {
        let (owner, ports) = (self.shared.owner.clone(), self.shared.ports.clone());
        Task::spawn(Assignment { machine, sequence, owner, ports, permits })
    }
}

/// Whether what was saved is gone on with by who wants this revision.
fn goes_on(snapshot: &Snapshot, revision: &Revision) -> bool {
    match snapshot.outcome() {
        None => true,
        Some(_) => !snapshot.is_done() && snapshot.plan().candidate() == revision,
    }
}

fn decoded(saved: Option<&Saved>) -> Result<Option<Snapshot>, StartError> {
    Ok(saved.map(|saved| Snapshot::decode(&saved.snapshot)).transpose()?)
}

/// The revision that is gone on with where this was saved, whoever wants what.
fn under_way(snapshot: &Snapshot) -> Option<Revision> {
    match snapshot.outcome().and_then(|outcome| outcome.report().next.as_ref()) {
        Some(next) => Some(next.revision.clone()),
        None if snapshot.is_done() => None,
        None => Some(snapshot.plan().candidate().clone()),
    }
}

enum Begun {
    Wanted(Handle),
    Other(Handle),
}
