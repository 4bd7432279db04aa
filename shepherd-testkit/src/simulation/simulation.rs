use std::collections::BTreeMap;
use std::time::Duration;

use shepherd_core::machine::Command;
use shepherd_core::model::{Actor, Elapsed};
use shepherd_core::plan::Plan;

use super::queue::{Due, Queue};
use super::run::Run;
use super::{Crash, Glance, SimReport};
use crate::faults::{Call, FaultPlan};
use crate::world::World;

/// A rollout of a plan in a world, with whatever goes wrong in it.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::machine::Command;
/// use shepherd_core::model::{Actor, FailureKind, Replicas, Revision, RouterCapabilities};
/// use shepherd_core::{plan::Change, strategy::{BlueGreen, Strategy}};
/// use shepherd_testkit::faults::{Call, Fault, FaultPlan};
/// use shepherd_testkit::simulation::{Crash, Simulation};
/// use shepherd_testkit::world::World;
///
/// let change = Change::new("shop/web".parse()?, Revision::new("v1")?, Revision::new("v2")?)
///     .replicas(Replicas::new(3))
///     .router(RouterCapabilities::switching());
/// let plan = BlueGreen::new().plan(&change)?;
/// let report = Simulation::new(plan.clone(), World::of(&plan))
///     .faults(FaultPlan::new().nth(Call::Route, 1, Fault::Fail(FailureKind::Transient)))
///     .crash(Crash::after_step(9).down_for(Duration::from_secs(20)))
///     .at(Duration::from_secs(100), Actor::new("ann")?, Command::Abort { reason: "lunch".into() })
///     .run();
/// assert_eq!(report.failed(), 0, "{:#?}", report.events);
/// assert!(report.violations().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Simulation {
    pub(super) plan: Plan,
    pub(super) world: World,
    pub(super) faults: FaultPlan,
    pub(super) latencies: BTreeMap<Call, Duration>,
    pub(super) crashes: Vec<Crash>,
    pub(super) queue: Queue,
    pub(super) limit: Duration,
}

impl Simulation {
    /// A rollout of `plan` in `world`, in which nothing goes wrong but what the world itself does. Calls and saves
    /// take no time; saves that may wait are joined for 2 s, as the driver does.
    pub fn new(plan: Plan, world: World) -> Self {
        Self {
            plan,
            world,
            faults: FaultPlan::new(),
            latencies: BTreeMap::new(),
            crashes: Vec::new(),
            queue: Queue::default(),
            limit: Duration::from_hours(24),
        }
    }

    /// The same with calls that go wrong; [`Call::Save`] and the calls of effects are known.
    #[must_use]
    pub fn faults(mut self, faults: FaultPlan) -> Self {
        self.faults = faults;
        self
    }

    /// The same with calls of this kind that take so long; they have their effect at the end of it.
    #[must_use]
    pub fn latency(mut self, call: Call, latency: Duration) -> Self {
        self.latencies.insert(call, latency);
        self
    }

    /// The same with a kill. Several are carried out each after its step.
    #[must_use]
    pub fn crash(mut self, crash: Crash) -> Self {
        self.crashes.push(crash);
        self
    }

    /// The same with a lever pulled at this time; while no process drives, when the next one begins.
    #[must_use]
    pub fn at(mut self, time: Duration, by: Actor, command: Command) -> Self {
        self.queue.add(Elapsed::from(time), Due::Lever { by, command });
        self
    }

    /// The same with something happening to the world at this time.
    #[must_use]
    pub fn twist(mut self, time: Duration, twist: impl FnOnce(&mut World, Elapsed) + Send + 'static) -> Self {
        self.queue.add(Elapsed::from(time), Due::Twist(Box::new(twist)));
        self
    }

    /// The same, ending at this time even when the rollout has not; 24 h unless told otherwise.
    #[must_use]
    pub fn limit(mut self, time: Duration) -> Self {
        self.limit = time;
        self
    }

    /// Carries it out.
    pub fn run(self) -> SimReport {
        self.run_watched(&mut |_| {})
    }

    /// Carries it out and lets `look` see each step that any of its processes takes.
    pub fn run_watched(self, look: &mut dyn FnMut(&Glance<'_>)) -> SimReport {
        Run::of(self, look).finish()
    }
}
