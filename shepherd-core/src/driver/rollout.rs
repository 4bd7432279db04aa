use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::task::{Assignment, Task, seen_epoch};
use super::{Handle, Ports, StartError};
use crate::guard::Guard;
use crate::machine::{Command, Machine, Next, Outcome, Snapshot};
use crate::model::{Actor, GateName, HookName, Reason, Revision, RolloutId, Target};
use crate::plan::{Attention, Change, Plan, PlanError, Problem};
use crate::ports::{
    Claim, Claimed, Clock, HealthGate, Hook, MetricsSource, Notifier, Owner, Sequence, Store, StoreError,
    SystemClock, TrafficRouter, Workload,
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
    ports: Ports,
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
    pub async fn plan(&self, revision: Revision) -> Result<Plan, StartError> {
        let shared = &self.shared;
        let target = || shared.target.to_string();
        let workload = shared.ports.workload.observe().await;
        let stable = workload.map_err(|source| StartError::Unobservable { target: target(), source })?.stable;
        let Some(serving) = stable.revision else {
            return Err(StartError::NothingDeployed { target: target() });
        };
        let mut change = Change::new(shared.target.clone(), serving, revision)
            .replicas(stable.desired)
            .attention(shared.attention);
        change.router = shared.ports.router.as_ref().map(|router| router.capabilities());
        change.guards.clone_from(&shared.guards);
        let plan = shared.strategy.plan(&change)?;
        shared.ports.fit(&plan)?;
        Ok(plan)
    }

    /// Rolls `revision` out, or goes on with the rollout of it that was begun before. One of another revision is first
    /// taken back, which is waited for.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been changed.
    ///
    /// # Cancel safety
    /// Dropped, the rollout has been started or not; started again it goes on.
    pub async fn start(&self, revision: Revision) -> Result<Handle, StartError> {
        self.start_within(revision, None, false).await
    }

    /// The same, taking over from an owner that still lives: that one's writes then fail.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been changed.
    pub async fn steal(&self, revision: Revision) -> Result<Handle, StartError> {
        self.start_within(revision, None, true).await
    }

    /// Goes on with what was begun before: a rollout that has not ended, or the next one that an ended one asks for.
    /// None when there is nothing to go on with.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been changed.
    pub async fn resume(&self) -> Result<Option<Handle>, StartError> {
        let Some((_, Some(saved))) = self.shared.ports.store.load(&self.shared.target).await? else {
            return Ok(None);
        };
        let snapshot = Snapshot::decode(&saved.snapshot)?;
        let revision = match snapshot.outcome() {
            None => snapshot.plan().candidate().clone(),
            Some(outcome) => match &outcome.report().next {
                Some(next) => next.revision.clone(),
                None => return Ok(None),
            },
        };
        self.start(revision).await.map(Some)
    }

    /// The rollout that `outcome` asks for: the revision that came meanwhile, or the way back of an abort that came
    /// too late. None when it asks for none.
    ///
    /// # Errors
    /// [`StartError`]; nothing has been changed.
    pub async fn start_next(&self, outcome: &Outcome) -> Result<Option<Handle>, StartError> {
        match &outcome.report().next {
            Some(Next { revision, .. }) => self.start(revision.clone()).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn start_within(
        &self,
        revision: Revision,
        permits: Option<Arc<Semaphore>>,
        steal: bool,
    ) -> Result<Handle, StartError> {
        loop {
            let claimed = self.claim(steal).await?;
            let epoch = claimed.epoch;
            match self.go_on(&revision, claimed, permits.clone()).await {
                Ok(Begun::Wanted(handle)) => return Ok(handle),
                Ok(Begun::Other(handle)) => self.end_other(&handle, &revision).await?,
                Err(error) => {
                    // Nothing was begun: whoever comes next need not wait. The lease frees it if this fails too.
                    let _ = self.shared.ports.store.release(&self.shared.target, epoch).await;
                    return Err(error);
                }
            }
        }
    }

    async fn claim(&self, steal: bool) -> Result<Claimed, StoreError> {
        let ports = &self.shared.ports;
        let above = seen_epoch(ports).await.next();
        let claim = Claim::new(self.shared.owner.clone(), ports.clock.now().wall).at_least(above);
        let claim = if steal { claim.stealing() } else { claim };
        ports.store.claim(&self.shared.target, &claim).await
    }

    async fn go_on(
        &self,
        revision: &Revision,
        claimed: Claimed,
        permits: Option<Arc<Semaphore>>,
    ) -> Result<Begun, StartError> {
        let sequence = claimed.saved.as_ref().map(|saved| saved.sequence).unwrap_or_default();
        let snapshot = claimed.saved.as_ref().map(|saved| Snapshot::decode(&saved.snapshot)).transpose()?;
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.outcome().is_none()) else {
            let plan = self.plan(revision.clone()).await?;
            let rollout = RolloutId::of(plan.target(), claimed.epoch);
            let machine = Machine::start(plan, rollout, claimed.epoch, self.shared.ports.clock.now());
            return Ok(Begun::Wanted(self.spawn(machine, sequence, permits)));
        };
        self.shared.ports.fit(snapshot.plan())?;
        let wanted = snapshot.plan().candidate() == revision;
        let machine = Machine::resume(snapshot, claimed.epoch)?;
        let handle = self.spawn(machine, sequence, permits);
        Ok(if wanted { Begun::Wanted(handle) } else { Begun::Other(handle) })
    }

    fn spawn(&self, machine: Machine, sequence: Sequence, permits: Option<Arc<Semaphore>>) -> Handle {
        let (owner, ports) = (self.shared.owner.clone(), self.shared.ports.clone());
        Task::spawn(Assignment { machine, sequence, owner, ports, permits })
    }

    /// One of another revision was under way: it gives way, and only then the wanted one begins.
    pub(super) async fn end_other(&self, handle: &Handle, revision: &Revision) -> Result<(), StartError> {
        let by = Actor::new(self.shared.owner.as_str()).map_err(|error| {
            PlanError::from(Problem::new(
                "owner",
                self.shared.owner.as_str(),
                error.to_string(),
                "use a printable name",
            ))
        })?;
        let reason = Reason::new(format!("{revision} is wanted instead"));
        // Refused when it has ended meanwhile, which is as good.
        let _ = handle.pull(by, Command::RollBack { reason, force: false }).await;
        handle.outcome().await?;
        Ok(())
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

    /// Who drives: unique among all that share the store. The process's id unless told otherwise.
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
        let owner = self.owner.unwrap_or_else(|| Owner::new(format!("process {}", std::process::id())));
        let (target, strategy, guards, attention) = (self.target, self.strategy, self.guards, self.attention);
        Ok(Rollout { shared: Arc::new(Shared { target, strategy, guards, attention, owner, ports }) })
    }
}
