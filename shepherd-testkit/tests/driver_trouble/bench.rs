//! One service on scripted ports, in simulated time, and what goes wrong with them.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::{Handle, Rollout, RolloutBuilder};
use shepherd_core::model::{Actor, Elapsed, Failure, FailureKind, Replicas, Revision, Target};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::{Clock, Owner};
use shepherd_core::store::MemoryStore;
use shepherd_core::strategy::Canary;
use shepherd_testkit::SimClock;
use shepherd_testkit::fakes::{ScriptedRouter, ScriptedWorkload};
use shepherd_testkit::faults::{Faults, Faulty};

/// Everything that one rollout is bound to.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) clock: SimClock,
    pub(crate) router: ScriptedRouter,
    pub(crate) workload: ScriptedWorkload,
    pub(crate) store: MemoryStore,
    /// What goes wrong with the workload and the store.
    pub(crate) faults: Faults,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(ScriptedRouter::new())
    }

    pub(crate) fn with(router: ScriptedRouter) -> Self {
        let clock = SimClock::paused();
        let workload = ScriptedWorkload::serving(revision("v1"), Replicas::new(4));
        Self { clock, router, workload, store: MemoryStore::new(), faults: Faults::default() }
    }

    pub(crate) fn builder(&self) -> RolloutBuilder {
        self.unrouted().through(self.router.clone())
    }

    pub(crate) fn unrouted(&self) -> RolloutBuilder {
        Rollout::of(target())
            .strategy(strategy())
            .attention(Attention::default().every(Duration::from_secs(2)))
            .on(self.faulty(self.workload.clone()))
            .stored_in(self.faulty(self.store.clone()))
            .timed_by(self.clock.clone())
            .owned_by(Owner::new("one"))
    }

    pub(crate) fn faulty<P>(&self, port: P) -> Faulty<P> {
        Faulty::new(port, self.faults.clone(), Arc::new(self.clock.clone()))
    }

    pub(crate) fn rollout(&self) -> Rollout {
        self.builder().build().unwrap()
    }

    /// Started, and in that stage.
    pub(crate) async fn running(&self, stage: &str) -> Handle {
        let handle = self.rollout().start(revision("v2")).await.unwrap();
        in_stage(&handle, stage).await;
        handle
    }

    pub(crate) fn now(&self) -> Elapsed {
        self.clock.now().elapsed
    }

    /// The weight that the router was told last.
    pub(crate) fn weight(&self) -> String {
        self.router.routes.asked().last().map(|route| route.exposure.weight.to_string()).unwrap_or_default()
    }

    /// What comes of it within so long; none when nothing does.
    pub(crate) async fn within<T>(&self, limit: Duration, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = what => Some(done),
            () = self.clock.sleep(limit) => None,
        }
    }
}

pub(crate) fn strategy() -> Canary {
    Canary::weights([10, 50, 100])
        .unwrap()
        .every(Duration::from_secs(30))
        .recovery(Recovery::default().drain(Duration::from_secs(1)))
}

pub(crate) fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

pub(crate) fn target() -> Target {
    "shop/web".parse().unwrap()
}

pub(crate) fn ada() -> Actor {
    Actor::new("ada").unwrap()
}

pub(crate) fn busy(wait: Duration) -> Failure {
    let mut busy = Failure::new(FailureKind::Transient, "router", "429 Too Many Requests");
    busy.retry_after = Some(wait);
    busy
}

pub(crate) async fn in_stage(handle: &Handle, stage: &str) {
    let mut watch = handle.watch();
    while handle.status().stage.as_str() != stage {
        watch.next().await.expect("it is driven until then");
    }
}
