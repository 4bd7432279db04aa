use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use shepherd_core::model::{
    Elapsed, Exposure, Fence, GateName, Replicas, Revision, RolloutId, RouterCapabilities, Track, Verdict,
};
use shepherd_core::plan::Plan;

use super::{Behaviour, Behaviours, History, Meter, Road, Side, Tally, Violation, Write};

/// A simulated service. All of its time is an argument, counted from the beginning of the simulation.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::model::{Elapsed, Replicas, Revision};
/// use shepherd_testkit::world::{Behaviour, World};
///
/// let v1 = Revision::new("v1")?;
/// let mut world = World::serving(v1.clone(), Replicas::new(4))
///     .load(200.0)
///     .behaviour(v1, Behaviour::new().error_rate(0.01));
/// world.advance(Elapsed::from_millis(60_000));
/// assert_eq!((world.total().requests(), world.total().failed()), (12_000, 120));
/// # Ok::<(), shepherd_core::model::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct World {
    pub(super) now: Elapsed,
    pub(super) load: f64,
    pub(super) capacity: f64,
    pub(super) matching: f64,
    pub(super) propagation: Duration,
    pub(super) termination: Duration,
    pub(super) grace: Duration,
    pub(super) router: Option<RouterCapabilities>,
    pub(super) behaviours: Behaviours,
    pub(super) noisy: bool,
    pub(super) dice: fastrand::Rng,
    pub(super) sides: [Side; 2],
    pub(super) ready: [History; 2],
    pub(super) road: Road,
    /// When each revision was first seen.
    pub(super) born: BTreeMap<Revision, Elapsed>,
    pub(super) tallies: BTreeMap<(Track, Option<Revision>), Tally>,
    pub(super) meter: Meter,
    pub(super) verdicts: BTreeMap<GateName, VecDeque<Verdict>>,
    pub(super) writes: Vec<Write>,
    pub(super) violations: Vec<Violation>,
    pub(super) newest: Option<Fence>,
    pub(super) taken_off: BTreeSet<RolloutId>,
}

impl World {
    /// A service of one revision, all of its replicas ready, behind a router that can do everything. Each replica
    /// takes 100 requests a second, and users send 60 for each.
    pub fn serving(stable: Revision, replicas: Replicas) -> Self {
        let router = RouterCapabilities::weighted().with_matches().with_mirror().with_swaps();
        let mut world = Self {
            now: Elapsed::ZERO,
            load: 60.0 * f64::from(replicas.get()),
            capacity: 100.0,
            matching: 0.05,
            propagation: Duration::ZERO,
            termination: Duration::from_secs(30),
            grace: Duration::from_secs(2),
            router: Some(router),
            behaviours: Behaviours::default(),
            noisy: false,
            dice: fastrand::Rng::with_seed(0),
            sides: Default::default(),
            ready: Default::default(),
            road: Road::default(),
            born: BTreeMap::new(),
            tallies: BTreeMap::new(),
            meter: Meter::default(),
            verdicts: BTreeMap::new(),
            writes: Vec::new(),
            violations: Vec::new(),
            newest: None,
            taken_off: BTreeSet::new(),
        };
        world.establish(stable, replicas);
        world
    }

    /// The world that a plan was made for: its stable revision serves, behind its router when it has one.
    pub fn of(plan: &Plan) -> Self {
        let world = Self::serving(plan.stable().clone(), plan.replicas());
        match plan.router() {
            Some(router) => world.router(*router),
            None => world.without_router(),
        }
    }

    /// The same under so many requests a second.
    #[must_use]
    pub fn load(mut self, requests_a_second: f64) -> Self {
        self.load = requests_a_second;
        self
    }

    /// The same with replicas that take so many requests a second each; what goes beyond fails.
    #[must_use]
    pub fn capacity(mut self, requests_a_second: f64) -> Self {
        self.capacity = requests_a_second;
        self
    }

    /// The same with a revision that behaves so.
    #[must_use]
    pub fn behaviour(mut self, revision: Revision, behaviour: Behaviour) -> Self {
        self.behaviours.set(revision, behaviour);
        self
    }

    /// The same with a router that can do this.
    #[must_use]
    pub fn router(mut self, capabilities: RouterCapabilities) -> Self {
        self.router = Some(capabilities);
        self
    }

    /// The same with a router that holds no marks and so refuses no late write.
    #[must_use]
    pub fn unfenced(mut self) -> Self {
        self.router = self.router.map(RouterCapabilities::unfenced);
        self
    }

    /// The same without a router: all ready replicas share the traffic, whatever their track.
    #[must_use]
    pub fn without_router(mut self) -> Self {
        self.router = None;
        self
    }

    /// The same with routing writes that take so long from being accepted to being in effect.
    #[must_use]
    pub fn propagation(mut self, delay: Duration) -> Self {
        self.propagation = delay;
        self
    }

    /// The same with replicas that get so long to finish their requests when they end; slower requests fail.
    #[must_use]
    pub fn termination(mut self, time: Duration) -> Self {
        self.termination = time;
        self
    }

    /// The same with so large a part (0 to 1) of the requests meant by each [`Match`](shepherd_core::model::Match).
    #[must_use]
    pub fn matching(mut self, share: f64) -> Self {
        self.matching = share;
        self
    }

    /// The same, calling a write that lacks capacity no violation when the capacity was there so short a time ago.
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }

    /// The same with chance in it: how many requests fail scatters around the rate as it would in nature. The same
    /// seed scatters the same way.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.noisy = true;
        self.dice = fastrand::Rng::with_seed(seed);
        self
    }

    /// The same with a gate that answers this in turn. Then, as a gate that nobody set up, it passes when the track
    /// has a ready replica.
    #[must_use]
    pub fn gate(mut self, gate: GateName, verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        self.verdicts.insert(gate, verdicts.into_iter().collect());
        self
    }

    /// Up to when it was lived.
    pub fn now(&self) -> Elapsed {
        self.now
    }

    /// How users meet the candidate at this moment.
    pub fn exposure(&self) -> &Exposure {
        &self.road.effective
    }

    /// All requests of users so far.
    pub fn total(&self) -> Tally {
        self.sum(|_, _| true)
    }

    /// Those that a track got.
    pub fn of_track(&self, track: Track) -> Tally {
        self.sum(|of, _| of == track)
    }

    /// Those that a revision answered, on whichever track.
    pub fn of_revision(&self, revision: &Revision) -> Tally {
        self.sum(|_, of| of == Some(revision))
    }

    /// The writes that were accepted, in order.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// The accepted writes that should never have been made.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    fn sum(&self, counts: impl Fn(Track, Option<&Revision>) -> bool) -> Tally {
        let counted = self.tallies.iter().filter(|((track, revision), _)| counts(*track, revision.as_ref()));
        counted.fold(Tally::default(), |mut sum, (_, tally)| {
            sum += *tally;
            sum
        })
    }

    pub(super) fn side(&self, track: Track) -> &Side {
        &self.sides[index(track)]
    }

    pub(super) fn side_mut(&mut self, track: Track) -> &mut Side {
        &mut self.sides[index(track)]
    }

    pub(super) fn history_mut(&mut self, track: Track) -> &mut History {
        &mut self.ready[index(track)]
    }
}

pub(super) fn index(track: Track) -> usize {
    match track {
        Track::Stable => 0,
        Track::Candidate => 1,
    }
}
