//! 7. A superseded driver may lower exposure, never raise it: its fenced writes fail once its successor has stamped its
//! epoch on every routed and scaled object.

use std::collections::BTreeSet;

use proptest::prelude::*;
use shepherd_core::machine::{Answer, Effect, EffectId, Ending, Input, Machine, Outcome};
use shepherd_core::model::{Elapsed, Epoch, Exposure, Failure, Now, RolloutId};
use shepherd_testkit::DAWN;
use shepherd_testkit::world::{Violation, World, Written};

use super::generate::{Candidate, Case, calm};

/// One who drives a machine by hand, so that two can be at it on one world.
struct Driver {
    machine: Machine,
    began: Elapsed,
    stepped: Elapsed,
    started: BTreeSet<EffectId>,
    /// Begun, and not yet there.
    flight: Vec<(EffectId, Effect)>,
    steps: u32,
}

fn perform(
    world: &mut World,
    now: Elapsed,
    effect: &Effect,
    metrics: &[shepherd_core::model::Metric],
) -> Result<Answer, Failure> {
    match effect {
        Effect::ClaimRouting(fence) => world.claim_routing(now, fence).map(|()| Answer::Done),
        Effect::ClaimWorkload(fence) => world.claim_workload(now, fence).map(|()| Answer::Done),
        Effect::ObserveRouting => world.routing(now).map(Answer::Routing),
        Effect::ObserveWorkload => Ok(Answer::Workload(world.workload(now))),
        Effect::Measure { cursor } => Ok(Answer::Measured(world.measure(now, metrics, cursor.as_ref()))),
        Effect::Route(route) => world.route(now, route).map(|()| Answer::Done),
        Effect::Deploy { spec, mark } => world.deploy(now, spec, mark).map(|()| Answer::Done),
        Effect::Check { gate, track } => Ok(Answer::Checked(world.check(now, gate, *track))),
        _ => Ok(Answer::Done),
    }
}

impl Driver {
    fn of(machine: Machine, now: Elapsed) -> Self {
        let mut driver = Self {
            machine,
            began: now,
            stepped: now,
            started: BTreeSet::new(),
            flight: Vec::new(),
            steps: 0,
        };
        driver.step(now, Input::Tick);
        driver
    }

    fn step(&mut self, now: Elapsed, input: Input) {
        let elapsed = Elapsed::from(now - self.began);
        let _ = self.machine.step(Now { wall: DAWN + (now - Elapsed::ZERO), elapsed }, input);
        self.stepped = now;
        self.steps += 1;
    }

    /// Begins what is pending.
    fn begin(&mut self) {
        let pending = self.machine.pending().effects;
        let new: Vec<_> = pending
            .into_iter()
            .filter(|(id, _)| !self.started.contains(id))
            .map(|(id, effect)| (id, effect.clone()))
            .collect();
        self.started.extend(new.iter().map(|(id, _)| *id));
        self.flight.extend(new);
    }

    /// Lets one call arrive; answers whether there was one.
    fn land(&mut self, world: &mut World, now: Elapsed) -> bool {
        self.begin();
        if self.flight.is_empty() {
            return false;
        }
        let (effect, what) = self.flight.remove(0);
        let metrics = self.machine.metrics().to_vec();
        let input = match perform(world, now, &what, &metrics) {
            Ok(answer) => Input::Answered { effect, answer },
            Err(failure) => Input::Failed { effect, failure },
        };
        self.step(now, input);
        true
    }

    fn wake(&self) -> Option<Elapsed> {
        self.machine.pending().wake_in.map(|wait| self.stepped + wait)
    }
}

/// Drives all who are awake until the time is over, or until one of them has taken so many steps more.
fn drive(world: &mut World, drivers: &mut [&mut Driver], now: &mut Elapsed, until: Elapsed, most: u32) {
    let mut left = most;
    loop {
        let mut moved = false;
        for driver in drivers.iter_mut() {
            if left == 0 {
                return;
            }
            if driver.land(world, *now) {
                moved = true;
                left -= 1;
            }
        }
        if moved {
            continue;
        }
        let next = drivers.iter().filter_map(|driver| driver.wake()).min();
        let Some(next) = next.filter(|next| *next <= until) else { return };
        *now = next.max(*now);
        for driver in drivers.iter_mut() {
            if driver.wake().is_some_and(|wake| wake <= *now) {
                driver.step(*now, Input::Tick);
                left = left.saturating_sub(1);
            }
        }
    }
}

struct Race {
    /// After how many steps the first one is stalled, for how long nobody drives, and after how many steps of its
    /// successor it is woken.
    stalls: u32,
    gap: u32,
    wakes: u32,
    /// It never wakes, and only its calls arrive.
    dies: bool,
}

struct Raced {
    world: World,
    second: Driver,
    /// When the second had stamped both: how many writes there were by then.
    stamped: usize,
}

fn race(case: &Case, race: &Race) -> Raced {
    let plan = case.plan.plan();
    let mut world = case.world(&plan);
    let (mut now, epoch) = (Elapsed::ZERO, Epoch::new(1));
    let rollout = RolloutId::of(plan.target(), epoch);
    let end = Elapsed::from(super::generate::secs(3600));
    let mut first = Driver::of(Machine::start(plan, rollout, epoch, Now { wall: DAWN, elapsed: now }), now);
    drive(&mut world, &mut [&mut first], &mut now, end, race.stalls);
    // What it has decided is saved, and on its way.
    let snapshot = first.machine.snapshot();
    first.begin();
    now = now + super::generate::secs(race.gap);
    let mut second = Driver::of(Machine::resume(snapshot, Epoch::new(2)).unwrap(), now);
    drive(&mut world, &mut [&mut second], &mut now, end, race.wakes);
    if race.dies {
        for (_, effect) in std::mem::take(&mut first.flight) {
            let _ = perform(&mut world, now, &effect, first.machine.metrics());
        }
        drive(&mut world, &mut [&mut second], &mut now, end, u32::MAX);
    } else {
        drive(&mut world, &mut [&mut first, &mut second], &mut now, end, 20_000);
        // Whoever is refused looks and asks again; its successor goes on undisturbed.
        drive(&mut world, &mut [&mut second], &mut now, end, u32::MAX);
    }
    let claims = |wanted: fn(&Written) -> bool| {
        world.writes().iter().position(|write| wanted(&write.what) && epoch_of(&write.what) == Epoch::new(2))
    };
    let routing = claims(|what| matches!(what, Written::RoutingClaimed(_)));
    let workload = claims(|what| matches!(what, Written::WorkloadClaimed(_)));
    let routed = second.machine.plan().mode().routed();
    let stamped = if routed { routing.zip(workload).map(|(one, other)| one.max(other)) } else { workload };
    let stamped = stamped.unwrap_or(world.writes().len());
    Raced { world, second, stamped }
}

fn epoch_of(what: &Written) -> Epoch {
    match what {
        Written::RoutingClaimed(fence) | Written::WorkloadClaimed(fence) => fence.epoch,
        Written::Route { route, .. } => route.mark.fence.epoch,
        Written::Deploy { mark, .. } => mark.fence.epoch,
        _ => Epoch::new(0),
    }
}

fn races() -> impl Strategy<Value = Race> {
    let steps = || prop_oneof![3 => 0u32..60, 1 => 60u32..400];
    (steps(), prop_oneof![2 => Just(0u32), 1 => 1u32..60], steps(), any::<bool>())
        .prop_map(|(stalls, gap, wakes, dies)| Race { stalls, gap, wakes, dies })
}

impl std::fmt::Debug for Race {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Race { stalls, gap, wakes, dies } = self;
        write!(f, "Race {{ stalls: {stalls}, gap: {gap}, wakes: {wakes}, dies: {dies} }}")
    }
}

/// Ends by itself, well or badly.
fn by_itself(mut case: Case) -> Case {
    use super::generate::Shape::{AbTest, BlueGreen, ByHand, Canary, Ratio, Rolling};
    match &mut case.plan.shape {
        Canary { confirmed: asks, .. } | BlueGreen { approved: asks, .. } | AbTest { approved: asks, .. } => {
            *asks = false
        }
        ByHand { steps, .. } => steps.iter_mut().for_each(|step| step.approved = false),
        Ratio { .. } | Rolling { .. } => {}
    }
    case.plan.pauses = false;
    case.nature.verdicts.clear();
    if case.nature.candidate != Candidate::Well {
        case.nature.candidate = Candidate::Failing;
        case.plan.guarded = true;
    }
    case
}

fn only_one_acts(case: &Case, raced: &Raced) -> Result<(), TestCaseError> {
    let writes = raced.world.writes();
    let late = writes[raced.stamped..].iter().find(|write| epoch_of(&write.what) == Epoch::new(1));
    prop_assert!(late.is_none(), "{late:?} after the successor's stamp\n{}", tell(raced));
    prop_assert!(!raced.world.violations().iter().any(is_raise), "{:?}", raced.world.violations());
    let ending = raced.second.machine.outcome().map(Outcome::ending);
    prop_assert!(ending.is_some(), "{:?}\n{}", raced.second.machine.status(), tell(raced));
    if case.nature.candidate == Candidate::Well {
        prop_assert!(
            ending == Some(Ending::Promoted),
            "{ending:?} {:?}\n{}",
            raced.second.machine.outcome(),
            tell(raced)
        );
    }
    Ok(())
}

fn tell(raced: &Raced) -> String {
    let told = raced.world.writes().iter().enumerate().map(|(nth, write)| {
        let stamped = if nth == raced.stamped { "-- stamped by the second --\n" } else { "" };
        format!("{stamped}{:?} {:?}", write.at, write.what)
    });
    told.collect::<Vec<_>>().join("\n")
}

fn is_raise(violation: &Violation) -> bool {
    use shepherd_testkit::world::Wrong::{RaisedAfterOff, StaleRaise};
    matches!(violation.what, RaisedAfterOff { .. } | StaleRaise { .. })
}

proptest! {
    #![proptest_config(super::cases(64))]

    #[test]
    fn of_two_drivers_exactly_one_acts(case in calm().prop_map(by_itself), how in races()) {
        let mut case = case;
        case.plan.router.fenced = true;
        only_one_acts(&case, &race(&case, &how))?;
    }

    /// Where nothing fences them, what the first had on its way is put right by the second.
    #[test]
    fn without_fences_a_late_raise_does_not_stay(case in calm().prop_map(by_itself), how in races()) {
        let mut case = case;
        case.plan.router.fenced = false;
        let how = Race { dies: true, ..how };
        let raced = race(&case, &how);
        let Some(ending) = raced.second.machine.outcome().map(Outcome::ending) else { return Ok(()) };
        let mut world = raced.world.clone();
        let now = world.now();
        if let (Ok(routing), Ending::RolledBack) = (world.routing(now), ending) {
            let ended_before = raced.second.steps <= how.wakes;
            prop_assert!(ended_before || routing.exposure == Exposure::OFF, "{:#?}", world.writes());
        }
    }
}
