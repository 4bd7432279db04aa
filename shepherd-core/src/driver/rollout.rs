use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::bound::Outside;
use super::slot::{Running, Slot};
use super::task::{Assignment, Task};
use super::{Handle, Ports, StartError};
use crate::guard::Guard;
use crate::machine::{Command, Machine, Next, Outcome, Snapshot};
use crate::model::{Actor, Epoch, GateName, HookName, Reason, Revision, RolloutId, Target, TrackState};
use crate::plan::{Attention, Change, Plan, PlanError, Problem};
use crate::ports::{
    Claim, Claimed, Clock, HealthGate, Hook, MetricsSource, Notifier, Owner, PortError, Sequence, Store,
    StoreError, SystemClock, TrafficRouter, Workload,
};
use crate::store::MemoryStore;
use crate::strategy::{Canary, Strategy};

/// Target, strategy, guards and adapters, put together once; from here rollouts are planned, started and gone on with.
/// Cheap to clone.
#[derive(Clone)]
pub struct Rollout {
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    strategy: Box<dyn Strategy>,
    guards: Vec<Guard>,
    attention: Attention,
    owner: Owner,
    /// Who is told to have pulled a lever where this process did.
    actor: Actor,
    ports: Ports,
    slot: Slot,
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

    /// What cannot begin on what was seen is refused before the store hears of it, unless something is under way, to be
    /// gone on with. What could not be seen for a moment is looked at again after the claim.
    async fn refuse_mistake(&self, revision: &Revision, outside: Outside) -> Result<(), StartError> {
        let ports = &self.shared.ports;
        let stable = match ports.stable_in(outside) {
            Err(error) if error.kind().is_passing() => return Ok(()),
            stable => stable,
        };
        let Err(mistake) = self.plan_from(stable, revision.clone()) else { return Ok(()) };
        let loaded = match ports.within("load the record", ports.store.load(&self.shared.target)).await {
            Err(StoreError::Port(error)) if error.kind().is_passing() => return Ok(()),
            loaded => loaded?,
        };
        let saved = loaded.and_then(|(_, saved)| saved);
        let under_way = saved.map(|saved| Snapshot::decode(&saved.snapshot)).transpose()?;
        if under_way.is_some_and(|snapshot| goes_on(&snapshot, revision)) { Ok(()) } else { Err(mistake) }
    }

    async fn claim(&self, above: Epoch, steal: bool) -> Result<Held, StartError> {
        let ports = &self.shared.ports;
        let claim = Claim::new(self.shared.owner.clone(), ports.clock.now().wall).at_least(above);
        let claim = if steal { claim.stealing() } else { claim };
        let target = self.shared.target.clone();
        let claimed = ports.claim(&target, &claim).await?;
        Ok(Held { claimed, target, ports: ports.clone(), kept: false })
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

    /// What the plan names and nobody bound is refused, unless users may be meeting the candidate: then it is gone on
    /// with all the same, so that it can be taken back, and what is missing fails when it is needed.
    fn check_ports(&self, snapshot: &Snapshot) -> Result<(), PlanError> {
        let ports = &self.shared.ports;
        let fits = ports.fit(snapshot.plan());
        let can_take_back = !snapshot.plan().mode().routed() || ports.router.is_some();
        match fits {
            Err(missing) if snapshot.is_exposed() && can_take_back => {
                tracing::warn!(%missing, "gone on with what there is, since users may be meeting the candidate");
                Ok(())
            }
            fits => fits,
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

/// A target that was claimed and is not driven yet. Dropped, it is free again for whoever comes next.
struct Held {
    claimed: Claimed,
    target: Target,
    ports: Ports,
    kept: bool,
}

impl Held {
    /// It is driven from now on: its task releases it.
    fn keep(mut self) {
        self.kept = true;
    }

    /// Nothing was begun: whoever comes next need not wait. The lease frees it if this fails.
    async fn release(mut self) {
        self.kept = true;
        let releasing = self.ports.store.release(&self.target, self.claimed.epoch);
        let _ = self.ports.within("release the target", releasing).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.kept {
            let (ports, target, epoch) = (self.ports.clone(), self.target.clone(), self.claimed.epoch);
            // The lease frees it if this fails too.
            runtime.spawn(async move {
                ports.within("release the target", ports.store.release(&target, epoch)).await
            });
        }
    }
}

enum Begun {
    Wanted(Handle),
    Other(Handle),
}

/// Puts a [`Rollout`] together.
#[must_use]
pub struct RolloutBuilder {
    target: Target,
    strategy: Box<dyn Strategy>,
    guards: Vec<Guard>,
    attention: Attention,
    owner: Option<Owner>,
    workload: Option<Arc<dyn Workload>>,
    router: Option<Arc<dyn TrafficRouter>>,
    metrics: Option<Arc<dyn MetricsSource>>,
    gates: BTreeMap<GateName, Arc<dyn HealthGate>>,
    hooks: BTreeMap<HookName, Arc<dyn Hook>>,
    notifiers: Vec<Arc<dyn Notifier>>,
    store: Option<Arc<dyn Store>>,
    clock: Option<Arc<dyn Clock>>,
}

impl RolloutBuilder {
    fn new(target: Target) -> Self {
        Self {
            target,
            strategy: Box::new(Canary::default()),
            guards: Vec::new(),
            attention: Attention::default(),
            owner: None,
            workload: None,
            router: None,
            metrics: None,
            gates: BTreeMap::new(),
            hooks: BTreeMap::new(),
            notifiers: Vec::new(),
            store: None,
            clock: None,
        }
    }

    /// How it is rolled out; by a default canary unless told otherwise.
    pub fn strategy(mut self, strategy: impl Strategy + 'static) -> Self {
        self.strategy = Box::new(strategy);
        self
    }

    /// What takes it back. Again for more.
    pub fn guard(mut self, guard: Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// How closely it is watched.
    pub fn attention(mut self, attention: Attention) -> Self {
        self.attention = attention;
        self
    }

    /// What runs the replicas. There must be one.
    pub fn on(mut self, workload: impl Workload + 'static) -> Self {
        self.workload = Some(Arc::new(workload));
        self
    }

    /// What moves the traffic. Without it the replicas are the weight.
    pub fn through(mut self, router: impl TrafficRouter + 'static) -> Self {
        self.router = Some(Arc::new(router));
        self
    }

    /// What measures, for the guards.
    pub fn measured_by(mut self, metrics: impl MetricsSource + 'static) -> Self {
        self.metrics = Some(Arc::new(metrics));
        self
    }

    /// A gate, under the name that plans use.
    pub fn gate(mut self, name: GateName, gate: impl HealthGate + 'static) -> Self {
        self.gates.insert(name, Arc::new(gate));
        self
    }

    /// A hook, under the name that plans use.
    pub fn hook(mut self, name: HookName, hook: impl Hook + 'static) -> Self {
        self.hooks.insert(name, Arc::new(hook));
        self
    }

    /// Who is told. Again for more.
    pub fn notify(mut self, notifier: impl Notifier + 'static) -> Self {
        self.notifiers.push(Arc::new(notifier));
        self
    }

    /// What keeps the state. In memory unless told otherwise, which does not survive the process.
    pub fn stored_in(mut self, store: impl Store + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// What knows the hour; the machine's own clock unless told otherwise.
    pub fn timed_by(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Who drives: unique among all that share the store. Process, host and a random number unless told otherwise.
    pub fn owned_by(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The rollout.
    ///
    /// # Errors
    /// [`PlanError`] when no workload is bound, or a guard asks for what is not measured.
    pub fn build(self) -> Result<Rollout, PlanError> {
        let Some(workload) = self.workload else {
            let allowed = "something that runs the replicas";
            return Err(Problem::new("workload", "none", allowed, "bind one by `on`").into());
        };
        let ports = Ports {
            workload,
            router: self.router,
            metrics: self.metrics,
            gates: self.gates,
            hooks: self.hooks,
            notifiers: self.notifiers,
            store: self.store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
        };
        let unmeasured = ports.unmeasured(&self.guards);
        if let Some(error) = PlanError::of(unmeasured) {
            return Err(error);
        }
        let owner = self.owner.unwrap_or_else(unique_owner);
        let actor = Actor::new(owner.as_str()).map_err(|error| {
            Problem::new("owner", format!("{:?}", owner.as_str()), error.to_string(), "use a printable name")
        })?;
        let (target, strategy, guards, attention) = (self.target, self.strategy, self.guards, self.attention);
        let slot = Slot::default();
        Ok(Rollout {
            shared: Arc::new(Shared { target, strategy, guards, attention, owner, actor, ports, slot }),
        })
    }
}

/// Of no other process, on this host or another: process numbers alone are the same in every container.
fn unique_owner() -> Owner {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "this host" } else { host.trim() };
    let random = RandomState::new().build_hasher().finish();
    Owner::new(format!("process {} on {host} ({random:016x})", std::process::id()))
}

impl fmt::Debug for Rollout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout").field("target", &self.shared.target).finish_non_exhaustive()
    }
}

impl fmt::Debug for RolloutBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RolloutBuilder").field("target", &self.target).finish_non_exhaustive()
    }
}
