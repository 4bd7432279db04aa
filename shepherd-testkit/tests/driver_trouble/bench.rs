//! One service on scripted ports, in simulated time, and a store of many moods.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::driver::{Handle, Rollout, RolloutBuilder};
use shepherd_core::model::{
    Actor, Elapsed, Epoch, Failure, FailureKind, Fence, Mark, Replicas, Revision, Target, Timestamp,
    TrackSpec, WorkloadState,
};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::{Claim, Claimed, Clock, Owner, PortError, Saved, Store, StoreError, Workload};
use shepherd_core::store::MemoryStore;
use shepherd_core::strategy::Canary;
use shepherd_testkit::SimClock;
use shepherd_testkit::fakes::{ScriptedRouter, ScriptedWorkload};

/// Everything that one rollout is bound to.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) clock: SimClock,
    pub(crate) router: ScriptedRouter,
    pub(crate) workload: Slow,
    pub(crate) store: Moody,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(ScriptedRouter::new())
    }

    pub(crate) fn with(router: ScriptedRouter) -> Self {
        let clock = SimClock::paused();
        let workload = ScriptedWorkload::serving(revision("v1"), Replicas::new(4));
        let workload = Slow { workload, clock: clock.clone(), looks: Arc::default() };
        Self { clock, router, workload, store: Moody::default() }
    }

    pub(crate) fn builder(&self) -> RolloutBuilder {
        self.unrouted().through(self.router.clone())
    }

    pub(crate) fn unrouted(&self) -> RolloutBuilder {
        Rollout::of(target())
            .strategy(strategy())
            .attention(Attention::default().every(Duration::from_secs(2)))
            .on(self.workload.clone())
            .stored_in(self.store.clone())
            .timed_by(self.clock.clone())
            .owned_by(Owner::new("one"))
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

/// A workload whose looks take their time.
#[derive(Clone)]
pub(crate) struct Slow {
    pub(crate) workload: ScriptedWorkload,
    clock: SimClock,
    looks: Arc<Mutex<Duration>>,
}

impl Slow {
    pub(crate) fn looking_for(&self, time: Duration) {
        *self.looks.lock().unwrap() = time;
    }
}

#[async_trait]
impl Workload for Slow {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.workload.claim(fence).await
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        self.workload.apply(spec, mark).await
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        let time = *self.looks.lock().unwrap();
        self.clock.sleep(time).await;
        self.workload.observe().await
    }
}

/// A store whose calls hang, fail or panic, for as long as they are told to.
#[derive(Clone, Default)]
pub(crate) struct Moody {
    pub(crate) store: MemoryStore,
    moods: Arc<Mutex<BTreeMap<&'static str, Mood>>>,
}

#[derive(Clone, Copy)]
pub(crate) enum Mood {
    Hang,
    Fail,
    FailOnce,
    Panic,
}

impl Moody {
    pub(crate) fn is(&self, call: &'static str, mood: Mood) {
        self.moods.lock().unwrap().insert(call, mood);
    }

    pub(crate) fn cheer(&self, call: &'static str) {
        self.moods.lock().unwrap().remove(call);
    }

    async fn mood(&self, call: &'static str) -> Result<(), StoreError> {
        let mood = self.moods.lock().unwrap().get(call).copied();
        match mood {
            None => return Ok(()),
            Some(Mood::Hang) => std::future::pending::<()>().await,
            Some(Mood::Fail) => {}
            Some(Mood::FailOnce) => self.cheer(call),
            #[allow(clippy::panic, reason = "it is what was asked for")]
            Some(Mood::Panic) => panic!("{call} panics on purpose"),
        }
        Err(PortError::transient("disk", "no space left").into())
    }
}

#[async_trait]
impl Store for Moody {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        self.mood("claim").await?;
        self.store.claim(target, claim).await
    }

    async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError> {
        self.mood("renew").await?;
        self.store.renew(target, epoch, now).await
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        self.mood("save").await?;
        self.store.save(target, epoch, saved).await
    }

    async fn close(&self, target: &Target, epoch: Epoch, last: &Saved) -> Result<(), StoreError> {
        self.mood("save").await?;
        self.store.close(target, epoch, last).await?;
        // It is done, and its answer is lost.
        self.mood("closed").await
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.mood("release").await?;
        self.store.release(target, epoch).await
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        self.mood("load").await?;
        self.store.load(target).await
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        self.store.list().await
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.store.clear(target, epoch).await
    }
}
