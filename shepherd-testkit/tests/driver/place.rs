//! A service in simulated time, and rollouts of it.

use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::{Handle, Rollout};
use shepherd_core::machine::Status;
use shepherd_core::model::{Actor, Replicas, Revision, Target, Traffic};
use shepherd_core::plan::{Attention, Recovery};
use shepherd_core::ports::{Clock, Owner};
use shepherd_core::store::MemoryStore;
use shepherd_core::strategy::Canary;
use shepherd_testkit::SimClock;
use shepherd_testkit::faults::{Faults, Faulty};
use shepherd_testkit::world::{Behaviour, SharedWorld, World};

/// One service, one store, one clock.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) clock: SimClock,
    pub(crate) world: SharedWorld,
    pub(crate) store: MemoryStore,
}

impl Place {
    pub(crate) fn new(candidate: Behaviour) -> Self {
        let clock = SimClock::paused();
        let world =
            World::serving(revision("v1"), Replicas::new(4)).load(200.0).behaviour(revision("v2"), candidate);
        Self { world: SharedWorld::new(world, Arc::new(clock.clone())), clock, store: MemoryStore::new() }
    }

    pub(crate) fn rollout(&self, owner: &str, faults: impl Into<Faults>) -> Rollout {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let faults = faults.into();
        Rollout::of(target())
            .strategy(strategy())
            .guard("error_rate > 5% for 10s".parse().unwrap())
            .attention(Attention::default().every(Duration::from_secs(2)))
            .through(Faulty::new(self.world.router(), faults.clone(), clock.clone()))
            .on(Faulty::new(self.world.workload(), faults.clone(), clock.clone()))
            .measured_by(Faulty::new(self.world.metrics(), faults.clone(), clock.clone()))
            .stored_in(Faulty::new(self.store.clone(), faults, clock))
            .timed_by(self.clock.clone())
            .owned_by(Owner::new(owner))
            .build()
            .unwrap()
    }

    pub(crate) fn failed(&self) -> u64 {
        self.world.with(|world, _| world.total().failed())
    }

    pub(crate) fn weight(&self) -> String {
        self.world.with(|world, _| world.exposure().weight.to_string())
    }

    pub(crate) fn is_marked_off(&self) -> bool {
        let routing = self.world.with(shepherd_testkit::world::World::routing).unwrap();
        routing.mark.is_some_and(|mark| mark.traffic == Traffic::Off)
    }

    /// Every accepted write kept the safety rules.
    pub(crate) fn assert_safe(&self) {
        self.world.with(|world, _| assert!(world.violations().is_empty(), "{:?}", world.violations()));
    }
}

pub(crate) fn strategy() -> Canary {
    Canary::weights([10, 50, 100])
        .unwrap()
        .every(Duration::from_secs(30))
        .recovery(Recovery::default().drain(Duration::from_secs(5)))
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

pub(crate) async fn until(handle: &Handle, what: impl Fn(&Status) -> bool) {
    let mut watch = handle.watch();
    while !what(&handle.status()) {
        watch.next().await.expect("it is driven until then");
    }
}

pub(crate) async fn in_stage(handle: &Handle, stage: &str) {
    until(handle, |status| status.stage.as_str() == stage && status.in_effect).await;
}
