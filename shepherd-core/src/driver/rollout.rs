use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::bound::Outside;
use super::held::Held;
use super::slot::{Running, Slot};
use super::task::{Assignment, Task};
use super::{Handle, Ports, RolloutBuilder, StartError};
use crate::guard::Guard;
use crate::machine::{Command, Machine, Next, Outcome, Snapshot};
use crate::model::{Actor, Epoch, Reason, Revision, RolloutId, Target, TrackState};
use crate::plan::{Attention, Change, Plan};
use crate::ports::{Claim, Claimed, Owner, PortError, Sequence, StoreError, TrafficRouter};
use crate::strategy::Strategy;

/// Target, strategy, guards and adapters, put together once; from here rollouts are planned, started and gone on with.
/// Cheap to clone.
#[derive(Clone)]
pub struct Rollout {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) strategy: Box<dyn Strategy>,
    pub(super) guards: Vec<Guard>,
    pub(super) attention: Attention,
    pub(super) owner: Owner,
    /// Who is told to have pulled a lever where this process did.
    pub(super) actor: Actor,
    pub(super) ports: Ports,
    pub(super) slot: Slot,
}

impl From<Shared> for Rollout {
    fn from(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }
}

impl Rollout {
    /// Begins to put a rollout of `target` together.
    pub fn of(target: Target) -> RolloutBuilder {
        RolloutBuilder::new(target)
    }

    /// What is rolled out.
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// What would happen: looks at the target, and changes nothing.
    ///
    /// # Errors
    /// [`StartError`] when the target cannot be looked at, or the plan makes no sense on what is there.
    ///
    /// # Cancel safety
    /// May be dropped at any time.
    pub async fn plan(&self, revision: Revision) -> Result<Plan, StartError> {
        self.plan_from(self.shared.ports.stable_from_now_on().await, revision)
    }

    fn plan_from(
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

    /// Rolls `revision` out. When this process rolls it out already its handle is answered; what another process began
    /// is gone on with. A rollout of another revision gives way first, which is waited for: it is taken back, or ends
    /// when it is being promoted already; who wants to watch that [resumes](Self::resume) it, and
    /// [supersedes](Handle::supersede) it first. Wanting the stable revision again aborts what runs, and answers its
    /// handle.
    ///
    /// # Errors
    /// [`StartError`]. A mistake is found before anything is claimed, and before another rollout has to give way. A store
    /// that is busy, or away for a moment, is asked a few times.
    ///
    /// # Cancel safety
    /// Dropped, the rollout has been started or not; started again it goes on.
    pub async fn start(&self, revision: Revision) -> Result<Handle, StartError> {
        self.start_in(&self.shared.slot, revision, None, false).await
    }

    /// The same, taking over from an owner that still lives: that one's writes then fail.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn steal(&self, revision: Revision) -> Result<Handle, StartError> {
        self.start_in(&self.shared.slot, revision, None, true).await
    }

    /// Goes on with what was begun before: a rollout that has not ended, one that is still watched after its
    /// promotion, or the next one that an ended one asks for. None when there is nothing to go on with.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn resume(&self) -> Result<Option<Handle>, StartError> {
        let shared = &self.shared;
        let loaded = shared.ports.within("load the record", shared.ports.store.load(&shared.target)).await?;
        let Some((_, Some(saved))) = loaded else { return Ok(None) };
        let snapshot = Snapshot::decode(&saved.snapshot)?;
        let next = snapshot.outcome().and_then(|outcome| outcome.report().next.as_ref());
        let revision = match next {
            Some(next) => next.revision.clone(),
            None if snapshot.is_done() => return Ok(None),
            None => snapshot.plan().candidate().clone(),
        };
        self.start(revision).await.map(Some)
    }

    /// The rollout that `outcome` asks for: the revision that came meanwhile, or the way back of an abort that came
    /// too late. None when it asks for none.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn start_next(&self, outcome: &Outcome) -> Result<Option<Handle>, StartError> {
        match &outcome.report().next {
            Some(Next { revision, .. }) => self.start(revision.clone()).await.map(Some),
            None => Ok(None),
        }
    }

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
            self.refuse_mistake(revision, outside).await?;
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

    /// What cannot begin, or cannot go on with what is under way, is refused before the store hears of it: whoever drives
    /// that still goes on. What could not be seen for a moment is looked at again after the claim.
    async fn refuse_mistake(&self, revision: &Revision, outside: Outside) -> Result<(), StartError> {
        let ports = &self.shared.ports;
        let loaded = match ports.within("load the record", ports.store.load(&self.shared.target)).await {
            Err(StoreError::Port(error)) if error.kind().is_passing() => return Ok(()),
            loaded => loaded?,
        };
        let saved = loaded.and_then(|(_, saved)| saved);
        let under_way = saved.map(|saved| Snapshot::decode(&saved.snapshot)).transpose()?;
        if let Some(snapshot) = under_way.filter(|snapshot| goes_on(snapshot, revision)) {
            return self.check_ports(&snapshot);
        }
        let stable = match ports.stable_in(outside) {
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
        let snapshot = saved.as_ref().map(|saved| Snapshot::decode(&saved.snapshot)).transpose()?;
        let Some(snapshot) = snapshot.filter(|snapshot| goes_on(snapshot, revision)) else {
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

enum Begun {
    Wanted(Handle),
    Other(Handle),
}

impl fmt::Debug for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout").field("target", &self.shared.target).finish_non_exhaustive()
    }
}
