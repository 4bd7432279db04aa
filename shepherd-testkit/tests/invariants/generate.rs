//! Random rollouts as plain data, so that a failure shrinks to something that a person can read.

use std::time::Duration;

use proptest::prelude::*;
use shepherd_core::machine::Command;
use shepherd_core::model::{
    Actor, Exposure, FailureKind, Match, Reason, Replicas, Revision, RouterCapabilities, Track, Verdict,
    Weight,
};
use shepherd_core::plan::{
    Approval, Attention, Change, GateCheck, Mode, OnFailure, Plan, PlanBuilder, Promotion, Recovery,
};
use shepherd_core::strategy::{AbTest, BlueGreen, Canary, Count, Rolling, Strategy as _};
use shepherd_testkit::faults::{Call, Fault, FaultPlan};
use shepherd_testkit::simulation::{Crash, Kept, Simulation, Wire};
use shepherd_testkit::world::{Behaviour, World};

/// A rollout and all that happens to it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) plan: Asked,
    pub(crate) nature: Nature,
    pub(crate) faults: Vec<Broken>,
    pub(crate) levers: Vec<(u32, Lever)>,
    pub(crate) twists: Vec<(u32, Twist)>,
    pub(crate) crashes: Vec<Killed>,
}

/// What plan is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) shape: Shape,
    pub(crate) replicas: u32,
    pub(crate) router: Router,
    pub(crate) guarded: bool,
    pub(crate) beat: u32,
    pub(crate) drain: u32,
    pub(crate) pauses: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Canary { weights: Vec<u32>, bake: u32, confirmed: bool, swap: bool },
    Ratio { weights: Vec<u32>, bake: u32 },
    BlueGreen { checked: bool, approved: bool, bake: u32, keep_old: bool },
    Rolling { surge: u32, unavailable: u32, settle: u32 },
    AbTest { few: bool, bake: u32, approved: bool },
    ByHand { steps: Vec<Step>, swap: bool, bake: u32 },
}

/// One exposure of a plan made by hand, and what comes before and after it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) percent: u32,
    pub(crate) matches: bool,
    pub(crate) mirror: u32,
    pub(crate) checked: bool,
    pub(crate) hooked: bool,
    pub(crate) approved: bool,
    /// Stable is scaled down to what its traffic needs.
    pub(crate) shrinks_stable: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Router {
    pub(crate) fenced: bool,
    pub(crate) coarse: bool,
    pub(crate) settle: u32,
}

/// How the world is.
#[derive(Debug, Clone)]
pub(crate) struct Nature {
    pub(crate) start_up: u32,
    pub(crate) candidate: Candidate,
    pub(crate) propagation: u32,
    pub(crate) verdicts: Vec<Said>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Candidate {
    Well,
    Failing,
    FailingFrom(u32),
    NeverReady,
    Stuck,
    Crashing(u32),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Said {
    Pass,
    Fail,
    Inconclusive,
    Error,
}

/// Calls that go wrong: from the `first` on, so many.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) call: Call,
    pub(crate) first: u32,
    pub(crate) many: u32,
    pub(crate) fault: Fault,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lever {
    Pause,
    Resume,
    Skip,
    Promote,
    Approve(&'static str),
    Abort,
    RollBack { force: bool },
    Supersede(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) enum Twist {
    BreakStable(u32),
    BreakCandidate(u32),
    Meddle(u32),
}

#[derive(Debug, Clone)]
pub(crate) struct Killed {
    pub(crate) step: u64,
    pub(crate) down: u32,
    pub(crate) lands: bool,
    pub(crate) kept_all: bool,
}

pub(crate) fn secs(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

pub(crate) fn revision(name: &str) -> Revision {
    Revision::new(name).unwrap()
}

pub(crate) fn actor(name: &str) -> Actor {
    Actor::new(name).unwrap()
}

fn percent(percent: u32) -> Weight {
    Weight::percent(percent).unwrap()
}

impl Asked {
    fn change(&self) -> Change {
        let router = RouterCapabilities::weighted().with_matches().with_mirror().with_swaps();
        let router = if self.router.coarse { router.finest_weight(percent(5)) } else { router };
        let router = if self.router.fenced { router } else { router.unfenced() };
        let attention = Attention::default()
            .every(secs(self.beat))
            .call_timeout(secs(10))
            .blind(secs(90))
            .unattended(secs(900), shepherd_core::plan::Unattended::Hold);
        let change = Change::new("shop/web".parse().unwrap(), revision("v1"), revision("v2"))
            .replicas(Replicas::new(self.replicas))
            .router(router.settling(secs(self.router.settle)))
            .attention(attention);
        if self.guarded { change.guard("error_rate > 5% for 20s".parse().unwrap()) } else { change }
    }

    fn recovery(&self) -> Recovery {
        Recovery::default().drain(secs(self.drain)).deadline(secs(120))
    }

    /// Without marks the sides cannot change roles.
    fn promotion(&self, swap: bool) -> Promotion {
        if swap && self.router.fenced { Promotion::Swap } else { Promotion::Copy }
    }

    /// The plan; the generators ask for nothing that is no plan.
    pub(crate) fn plan(&self) -> Plan {
        let (mut change, recovery) = (self.change(), self.recovery());
        let plan = match &self.shape {
            Shape::Canary { weights, bake, confirmed, swap } => {
                let canary = Canary::weights(weights.iter().copied()).unwrap().every(secs(*bake));
                let canary = if *confirmed { canary.confirmed() } else { canary };
                canary.promotion(self.promotion(*swap)).recovery(recovery).plan(&change)
            }
            Shape::Ratio { weights, bake } => {
                change.router = None;
                let canary = Canary::weights(weights.iter().copied()).unwrap().every(secs(*bake));
                canary.recovery(recovery).plan(&change)
            }
            Shape::BlueGreen { checked, approved, bake, keep_old } => {
                let plan =
                    BlueGreen::new().grace(secs(*bake)).recovery(recovery).promotion(self.promotion(true));
                let plan = if *checked { plan.check(gate()) } else { plan };
                let plan = if *approved { plan.approved_by(Approval::of_anybody(1)) } else { plan };
                (if *keep_old { plan.keep_old() } else { plan }).plan(&change)
            }
            Shape::Rolling { surge, unavailable, settle } => {
                change.router = None;
                Rolling::new()
                    .max_surge(Count::number(*surge))
                    .max_unavailable(Count::number(*unavailable))
                    .settle(secs(*settle))
                    .progress_deadline(secs(240))
                    .recovery(recovery)
                    .plan(&change)
            }
            Shape::AbTest { few, bake, approved } => {
                let plan = AbTest::by_header("x-beta", "1").or_cookie("beta", "1");
                let plan = plan.lasting(secs(*bake)).settle(secs(*bake)).recovery(recovery);
                let plan = if *few { plan.replicas(Replicas::new(1)) } else { plan };
                (if *approved { plan.approved_by(Approval::of_anybody(1)) } else { plan }).plan(&change)
            }
            Shape::ByHand { steps, swap, bake } => self
                .by_hand(&change, steps, *bake)
                .promotion(self.promotion(*swap))
                .recovery(recovery)
                .build(),
        };
        plan.unwrap_or_else(|error| panic!("{error}\n{self:#?}"))
    }

    fn by_hand(&self, change: &Change, steps: &[Step], bake: u32) -> PlanBuilder {
        let all = Replicas::new(self.replicas);
        let mut plan = Plan::builder(change, "by hand").mode(Mode::Split);
        let (mut before, mut stable, mut candidate) = (Exposure::OFF, all, Replicas::ZERO);
        for step in steps {
            let beta = Match::Header { name: "x-beta".into(), value: "1".into() };
            let exposure = if step.matches { Exposure::matching([beta]) } else { Exposure::OFF };
            let exposure = exposure.with_weight(percent(step.percent)).mirrored(percent(step.mirror));
            if !exposure.raises(&before) || exposure.weight < before.weight || before.is_full() {
                continue;
            }
            // Copies are traffic too, and the scale never goes below what is there.
            let load = step.percent * 100 + (100 - step.percent) * step.mirror;
            let load = all.for_weight(Weight::hundredths(load).unwrap()).max(Replicas::new(1));
            if load > candidate {
                plan = plan.scale(Track::Candidate, load);
                candidate = load;
            }
            plan = if step.checked { plan.check(gate()) } else { plan };
            plan = if step.hooked { plan.hook("tell".parse().unwrap()) } else { plan };
            plan = if step.approved {
                plan.approve(Approval::of(1, [actor("ada"), actor("bob")]))
            } else {
                plan
            };
            let rest = all.for_weight(exposure.weight.rest());
            plan = plan.expose(exposure.clone()).bake(secs(bake));
            plan = if self.pauses { plan.on_failure(OnFailure::Pause) } else { plan };
            if step.shrinks_stable && rest < stable {
                plan = plan.scale(Track::Stable, rest);
                stable = rest;
            }
            before = exposure;
        }
        if !before.is_full() {
            plan = if candidate < all { plan.scale(Track::Candidate, all) } else { plan };
            plan = plan.weight(Weight::FULL).bake(secs(bake));
        }
        plan = plan.promote();
        match &self.shape {
            Shape::ByHand { swap, .. } if self.promotion(*swap) == Promotion::Swap => {
                plan.retire(Track::Stable, secs(self.drain))
            }
            _ => plan.expose(Exposure::OFF).retire(Track::Candidate, secs(self.drain)),
        }
    }
}

fn gate() -> GateCheck {
    GateCheck::new("smoke".parse().unwrap()).every(secs(5)).passes(2).failures(1)
}

impl Said {
    fn verdict(self) -> Verdict {
        match self {
            Said::Pass => Verdict::Pass("200".into()),
            Said::Fail => Verdict::Fail("500".into()),
            Said::Inconclusive => Verdict::Inconclusive("three requests".into()),
            Said::Error => Verdict::Error("refused".into()),
        }
    }
}

impl Lever {
    pub(crate) fn command(&self) -> Command {
        let reason = || Reason::new("so said a person");
        match self {
            Lever::Pause => Command::Pause { reason: reason() },
            Lever::Resume => Command::Resume,
            Lever::Skip => Command::Skip,
            Lever::Promote => Command::Promote,
            Lever::Approve(_) => Command::Approve,
            Lever::Abort => Command::Abort { reason: reason() },
            Lever::RollBack { force } => Command::RollBack { reason: reason(), force: *force },
            Lever::Supersede(wanted) => Command::Supersede { revision: revision(wanted) },
        }
    }

    pub(crate) fn by(&self) -> Actor {
        if let Lever::Approve(by) = self { actor(by) } else { actor("ada") }
    }
}

impl Case {
    /// A world in which each replica that the plan counts is needed for its users; the plan counts no replica for the
    /// few who match, so there is that much to spare.
    pub(crate) fn world(&self, plan: &Plan) -> World {
        let v2 = Behaviour::new().start_up(secs(self.nature.start_up));
        let v2 = match self.nature.candidate {
            Candidate::Well => v2,
            Candidate::Failing => v2.error_rate(0.5),
            Candidate::FailingFrom(age) => v2.error_rate(shepherd_testkit::world::Curve::of(move |moment| {
                if moment.age >= secs(age) { 0.5 } else { 0.0 }
            })),
            Candidate::NeverReady => v2.never_ready(),
            Candidate::Stuck => v2.stuck("ErrImagePull"),
            Candidate::Crashing(after) => v2.crashes_after(secs(after)),
        };
        let least = match plan.mode() {
            Mode::InPlace(headroom) | Mode::Ratio(headroom) => {
                plan.replicas().get() - headroom.unavailable.get().min(plan.replicas().get())
            }
            _ => plan.replicas().get(),
        };
        // Where all may be unavailable, none is needed.
        let least = if least == 0 { 1e-12 } else { f64::from(least) };
        World::of(plan)
            .load(60.0 * f64::from(plan.replicas().get()))
            .capacity(66.0 * f64::from(plan.replicas().get()) / least)
            .matching(0.02)
            .propagation(secs(self.nature.propagation))
            .behaviour(revision("v2"), v2)
            .gate("smoke".parse().unwrap(), self.nature.verdicts.iter().map(|said| said.verdict()))
    }

    pub(crate) fn simulation(&self) -> Simulation {
        let plan = self.plan.plan();
        let world = self.world(&plan);
        let mut faults = FaultPlan::new();
        for Broken { call, first, many, fault } in &self.faults {
            faults = faults.between(*call, *first, first.saturating_add(*many - 1), *fault);
        }
        let mut simulation = Simulation::new(plan, world).faults(faults).limit(secs(3600));
        for (at, lever) in &self.levers {
            simulation = simulation.at(secs(*at), lever.by(), lever.command());
        }
        for (at, twist) in self.twists.clone() {
            simulation = simulation.twist(secs(at), move |world, now| match twist {
                Twist::BreakStable(pods) => world.break_replicas(now, Track::Stable, Replicas::new(pods)),
                Twist::BreakCandidate(pods) => {
                    world.break_replicas(now, Track::Candidate, Replicas::new(pods));
                }
                Twist::Meddle(weight) => world.meddle(now, Exposure::weight(percent(weight))),
            });
        }
        for killed in &self.crashes {
            simulation = simulation.crash(killed.crash());
        }
        simulation
    }

    /// The same with people pulling this lever at this second.
    pub(crate) fn lever(&self, at: u32, lever: Lever) -> Self {
        let mut case = self.clone();
        case.levers.push((at, lever));
        case
    }
}

impl Killed {
    pub(crate) fn crash(&self) -> Crash {
        Crash::after_step(self.step)
            .down_for(secs(self.down))
            .wire(if self.lands { Wire::Lands } else { Wire::Lost })
            .kept(if self.kept_all { Kept::All } else { Kept::Saved })
    }
}

fn weights() -> impl Strategy<Value = Vec<u32>> {
    // Multiples of five suit every router here.
    prop::collection::btree_set(1u32..20, 0..3)
        .prop_map(|fives| fives.into_iter().map(|five| five * 5).chain([100]).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let percents = prop_oneof![2 => Just(0u32), 6 => (1u32..20).prop_map(|five| five * 5), 2 => Just(100u32)];
    (percents, any::<bool>(), prop_oneof![3 => Just(0u32), 1 => Just(25u32)], prop::bits::u8::ANY).prop_map(
        |(percent, matches, mirror, bits)| Step {
            percent,
            matches: matches && percent < 100,
            mirror: if percent == 100 { 0 } else { mirror },
            checked: bits & 3 == 3,
            hooked: bits & 12 == 12,
            approved: bits & 0x70 == 0x70,
            shrinks_stable: bits & 0x80 != 0,
        },
    )
}

pub(crate) fn shapes() -> impl Strategy<Value = Shape> {
    let bake = || 1u32..90;
    let rare = || prop::bool::weighted(0.25);
    prop_oneof![
        3 => (weights(), bake(), rare(), rare())
            .prop_map(|(weights, bake, confirmed, swap)| Shape::Canary { weights, bake, confirmed, swap }),
        2 => (weights(), bake()).prop_map(|(weights, bake)| Shape::Ratio { weights, bake }),
        2 => (any::<bool>(), rare(), bake(), rare()).prop_map(|(checked, approved, bake, keep_old)| {
            Shape::BlueGreen { checked, approved, bake, keep_old }
        }),
        2 => (0u32..3, 0u32..3, 0u32..30).prop_filter("some headroom", |(surge, unavailable, _)| surge + unavailable > 0)
            .prop_map(|(surge, unavailable, settle)| Shape::Rolling { surge, unavailable, settle }),
        2 => (any::<bool>(), bake(), rare()).prop_map(|(few, bake, approved)| Shape::AbTest { few, bake, approved }),
        4 => (prop::collection::vec(step(), 1..4), rare(), bake())
            .prop_map(|(steps, swap, bake)| Shape::ByHand { steps, swap, bake }),
    ]
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let router = (prop::bool::weighted(0.75), any::<bool>(), prop_oneof![3 => Just(0u32), 1 => 1u32..20])
        .prop_map(|(fenced, coarse, settle)| Router { fenced, coarse, settle });
    (shapes(), 1u32..8, router, prop::bool::weighted(0.8), 2u32..12, 0u32..40, prop::bool::weighted(0.2))
        .prop_map(|(shape, replicas, router, guarded, beat, drain, pauses)| Asked {
            shape,
            replicas,
            router,
            guarded,
            beat,
            drain,
            pauses,
        })
}

pub(crate) fn candidate() -> impl Strategy<Value = Candidate> {
    prop_oneof![
        6 => Just(Candidate::Well),
        2 => Just(Candidate::Failing),
        2 => (1u32..200).prop_map(Candidate::FailingFrom),
        1 => Just(Candidate::NeverReady),
        1 => Just(Candidate::Stuck),
        1 => (1u32..120).prop_map(Candidate::Crashing),
    ]
}

pub(crate) fn nature() -> impl Strategy<Value = Nature> {
    let said = prop_oneof![
        4 => Just(Said::Pass), 1 => Just(Said::Fail), 2 => Just(Said::Inconclusive), 2 => Just(Said::Error)
    ];
    let propagation = prop_oneof![3 => Just(0u32), 1 => 1u32..30];
    (0u32..30, candidate(), propagation, prop::collection::vec(said, 0..6)).prop_map(
        |(start_up, candidate, propagation, verdicts)| Nature { start_up, candidate, propagation, verdicts },
    )
}

pub(crate) fn fault() -> impl Strategy<Value = Fault> {
    use FailureKind::{Conflict, Denied, Fenced, Permanent, Transient, Unsupported};
    prop_oneof![
        6 => prop::sample::select(vec![Transient, Conflict, Denied, Fenced, Permanent, Unsupported]).prop_map(Fault::Fail),
        1 => Just(Fault::Hang),
        2 => Just(Fault::AnswerLost),
        2 => (1u32..60).prop_map(|after| Fault::Late(secs(after))),
        2 => (1u32..30).prop_map(|time| Fault::Slow(secs(time))),
        1 => Just(Fault::Garbage),
        1 => Just(Fault::Panic),
    ]
}

pub(crate) fn broken() -> impl Strategy<Value = Broken> {
    let calls = Call::OF_EFFECTS.into_iter().chain([Call::Save]).collect::<Vec<_>>();
    let many = prop_oneof![6 => Just(1u32), 3 => 2u32..8, 1 => Just(200u32)];
    let first = prop_oneof![3 => 1u32..8, 1 => 8u32..60];
    (prop::sample::select(calls), first, many, fault()).prop_map(|(call, first, many, fault)| Broken {
        call,
        first,
        many,
        fault,
    })
}

pub(crate) fn lever() -> impl Strategy<Value = Lever> {
    prop_oneof![
        1 => Just(Lever::Pause),
        2 => Just(Lever::Resume),
        2 => Just(Lever::Skip),
        2 => Just(Lever::Promote),
        3 => prop::sample::select(vec!["ada", "bob", "eve"]).prop_map(Lever::Approve),
        3 => Just(Lever::Abort),
        2 => any::<bool>().prop_map(|force| Lever::RollBack { force }),
        2 => prop::sample::select(vec!["v1", "v2", "v3", "v4"]).prop_map(Lever::Supersede),
    ]
}

pub(crate) fn twist() -> impl Strategy<Value = Twist> {
    prop_oneof![
        3 => (1u32..8).prop_map(Twist::BreakStable),
        3 => (1u32..8).prop_map(Twist::BreakCandidate),
        1 => (0u32..20).prop_map(|five| Twist::Meddle(five * 5)),
    ]
}

pub(crate) fn killed() -> impl Strategy<Value = Killed> {
    let down = prop_oneof![3 => Just(0u32), 3 => 1u32..100, 1 => 600u32..2000];
    (1u64..300, down, any::<bool>(), any::<bool>()).prop_map(|(step, down, lands, kept_all)| Killed {
        step,
        down,
        lands,
        kept_all,
    })
}

/// Everything at once.
pub(crate) fn anything() -> impl Strategy<Value = Case> {
    (
        asked(),
        nature(),
        prop::collection::vec(broken(), 0..4),
        prop::collection::vec((0u32..600, lever()), 0..4),
        prop::collection::vec((0u32..400, twist()), 0..3),
        prop::collection::vec(killed(), 0..3),
    )
        .prop_map(|(plan, nature, faults, levers, twists, crashes)| Case {
            plan,
            nature,
            faults,
            levers,
            twists,
            crashes,
        })
}

/// Nothing goes wrong but what the candidate itself does.
pub(crate) fn calm() -> impl Strategy<Value = Case> {
    (asked(), nature()).prop_map(|(plan, nature)| Case {
        plan,
        nature,
        faults: vec![],
        levers: vec![],
        twists: vec![],
        crashes: vec![],
    })
}
