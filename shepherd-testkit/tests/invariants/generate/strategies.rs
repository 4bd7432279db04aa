//! Cases at random.

use proptest::prelude::*;
use shepherd_core::model::FailureKind;
use shepherd_testkit::faults::{Call, Fault};

use super::{Asked, Broken, Candidate, Case, Killed, Lever, Nature, Router, Said, Shape, Step, Twist, secs};

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
