use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::rollout::Shared;
use super::slot::Slot;
use super::{Ports, Rollout};
use crate::guard::Guard;
use crate::model::{Actor, GateName, HookName, Target};
use crate::plan::{Attention, PlanError, Problem};
use crate::ports::{
    Clock, HealthGate, Hook, MetricsSource, Notifier, Owner, Store, SystemClock, TrafficRouter, Workload,
};
use crate::store::MemoryStore;
use crate::strategy::{Canary, Strategy};

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
    pub(super) fn new(target: Target) -> Self {
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
        Ok(Shared { target, strategy, guards, attention, owner, actor, ports, slot }.into())
    }
}

/// Of no other process, on this host or another: process numbers alone are the same in every container.
fn unique_owner() -> Owner {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "this host" } else { host.trim() };
    let random = RandomState::new().build_hasher().finish();
    Owner::new(format!("process {} on {host} ({random:016x})", std::process::id()))
}

impl fmt::Debug for RolloutBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RolloutBuilder").field("target", &self.target).finish_non_exhaustive()
    }
}
