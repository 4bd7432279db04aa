use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shepherd_core::model::{Elapsed, GateName};
use shepherd_core::ports::Clock;

use super::{World, WorldGate, WorldMetrics, WorldRouter, WorldWorkload};

/// A world that several adapters stand on, in the time of a clock. Clones share the world.
///
/// ```
/// # use std::sync::Arc;
/// # use shepherd_core::model::{Replicas, Revision};
/// # use shepherd_core::ports::TrafficRouter;
/// use shepherd_testkit::{SimClock, world::{SharedWorld, World}};
/// let world = World::serving(Revision::new("v1")?, Replicas::new(3));
/// let shared = SharedWorld::new(world, Arc::new(SimClock::manual()));
/// assert!(shared.router().capabilities().fenced);
/// # Ok::<(), shepherd_core::model::NameError>(())
/// ```
#[derive(Clone)]
pub struct SharedWorld {
    world: Arc<Mutex<World>>,
    clock: Arc<dyn Clock>,
}

impl SharedWorld {
    /// A world in the time of `clock`.
    pub fn new(world: World, clock: Arc<dyn Clock>) -> Self {
        Self { world: Arc::new(Mutex::new(world)), clock }
    }

    /// Its router. Meant for worlds that have one: without, it can do what a switch can and refuses every call.
    pub fn router(&self) -> WorldRouter {
        WorldRouter(self.clone())
    }

    /// Its replicas.
    pub fn workload(&self) -> WorldWorkload {
        WorldWorkload(self.clone())
    }

    /// Its meter.
    pub fn metrics(&self) -> WorldMetrics {
        WorldMetrics(self.clone())
    }

    /// One of its gates.
    pub fn gate(&self, name: GateName) -> WorldGate {
        WorldGate { world: self.clone(), name }
    }

    /// Looks at the world, or does something to it, at this moment.
    pub fn with<T>(&self, act: impl FnOnce(&mut World, Elapsed) -> T) -> T {
        let now = self.clock.now().elapsed;
        let mut world = self.lock();
        world.advance(now);
        act(&mut world, now)
    }

    /// A panic elsewhere leaves nothing half done that matters to a test that goes on.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
