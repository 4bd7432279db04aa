//! Plans as values: every mistake is told at once, JSON reads back exactly and is checked again, the dry run tells the
//! whole of it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use proptest::prelude::*;
use shepherd_core::guard::{Guard, GuardAction, Limit, StageRange};
use shepherd_core::model::{
    Exposure, Match, Matching, Replicas, Revision, RouterCapabilities, StageName, Track, Weight,
};
use shepherd_core::plan::{
    Action, Approval, Attention, Change, GateCheck, OnFailure, Plan, Promotion, Recovery, Stage, Unattended,
};
use shepherd_core::strategy::{AbTest, BlueGreen, Canary, Count, Rolling, Strategy as _};

fn change(replicas: u32) -> Change {
    Change::new("shop/web".parse().unwrap(), Revision::new("v1").unwrap(), Revision::new("v2").unwrap())
        .replicas(Replicas::new(replicas))
}

fn routed(replicas: u32) -> Change {
    change(replicas).router(RouterCapabilities::weighted().with_matches().with_mirror().with_swaps())
}

fn guard() -> Guard {
    "error_rate > 2x stable for 1m or p99 > 2s".parse().unwrap()
}

#[test]
fn a_target_without_replicas_is_one_mistake() {
    let plans = [
        Canary::default().plan(&routed(0)),
        Canary::default().plan(&change(0)),
        AbTest::by_header("x-beta", "yes").plan(&routed(0)),
        BlueGreen::new().plan(&routed(0)),
        Rolling::new().plan(&change(0)),
        Rolling::new().max_unavailable(Count::number(1)).plan(&change(0)),
        Rolling::new().max_surge(Count::number(0)).max_unavailable(Count::percent(25)).plan(&change(0)),
    ];
    for plan in plans {
        let error = plan.unwrap_err().to_string();
        let told = "the plan has 1 problem\n  replicas: 0 is not allowed: at least 1; scale the target up";
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn every_mistake_is_told_at_once_with_field_value_allowed_and_remedy() {
    let ten = Weight::percent(10).unwrap();
    let unnamed = StageRange::from(StageName::new("no-such-stage").unwrap());
    let error = Plan::builder(&change(4).guard(guard().during(unnamed)), "mine")
        .weight(ten)
        .bake(Duration::ZERO)
        .approve(Approval::of(2, ["ada".parse().unwrap(), "ada".parse().unwrap()]))
        .weight(Weight::percent(5).unwrap())
        .promote()
        .build()
        .unwrap_err();
    let fields: Vec<_> = error.problems().iter().map(|problem| problem.field.as_str()).collect();
    let expected = [
        "router",
        "stages[1] (bake-10%).bake",
        "stages[2] (approve).needed",
        "stages[0] (expose-10%)",
        "stages[3] (expose-5%)",
        "stages[3] (expose-5%)",
        "stages[4] (promote)",
        "stages",
        "guards[0].stages",
    ];
    assert_eq!(fields, expected, "{error}");
    for problem in error.problems() {
        let told = [&problem.value, &problem.allowed, &problem.remedy];
        assert!(told.iter().all(|text| !text.is_empty()), "{problem}");
    }
}

#[test]
fn a_gate_that_never_passes_and_an_approval_of_nobody_are_refused() {
    let gate = GateCheck::new("smoke".parse().unwrap()).passes(0);
    let plan = BlueGreen::new().check(gate).approved_by(Approval::of_anybody(0)).plan(&routed(4));
    let error = plan.unwrap_err().to_string();
    assert!(error.contains("stages[1] (check-smoke).passes: 0 is not allowed: at least 1"), "{error}");
    assert!(error.contains("stages[2] (approve).needed: 0 is not allowed: at least 1"), "{error}");
}

#[test]
fn counts_and_quantiles_are_plain_in_json() {
    let gate = GateCheck::new("smoke".parse().unwrap()).passes(3).failures(0);
    let plan = BlueGreen::new().check(gate).approved_by(Approval::of_anybody(2));
    let json =
        serde_json::to_string(&plan.plan(&routed(4).guard(guard().min_requests(50))).unwrap()).unwrap();
    for stored in [
        r#""passes":3,"failures":0"#,
        r#"{"approve":{"needed":2}}"#,
        r#""min_requests":50"#,
        r#""condition":"error_rate > 2x stable for 1m or p99 > 2s""#,
    ] {
        assert!(json.contains(stored), "{stored} is missing in {json}");
    }
}

#[test]
fn a_stage_without_a_deadline_is_one_that_asks_people() {
    let json = serde_json::to_string(&Canary::default().plan(&routed(4)).unwrap()).unwrap();
    let endless = json.replacen(r#""deadline":"10m","#, "", 1);
    let error = serde_json::from_str::<Plan>(&endless).unwrap_err().to_string();
    assert!(error.contains("only people may take as long as they like"), "{error}");
}

#[test]
fn what_is_read_from_json_is_checked_as_what_is_built() {
    let json = serde_json::to_string(&Canary::default().plan(&routed(4)).unwrap()).unwrap();
    let worse = json.replace(r#""candidate":"v2""#, r#""candidate":"v1""#);
    assert!(
        serde_json::from_str::<Plan>(&worse).unwrap_err().to_string().contains("roll out another revision")
    );
    let unknown = json.replacen('{', r#"{"colour":"blue","#, 1);
    assert!(serde_json::from_str::<Plan>(&unknown).unwrap_err().to_string().contains("colour"));
}

#[test]
fn the_dry_run_tells_the_true_weight_the_triggers_and_the_worst_way_back() {
    let coarse = RouterCapabilities::weighted().finest_weight(Weight::percent(1).unwrap());
    let plan =
        Canary::weights(["12.5%", "100%"]).unwrap().plan(&change(4).router(coarse).guard(guard())).unwrap();
    let run = plan.dry_run().to_string();
    for told in [
        "13% to the candidate, the nearest to the 12.5% that was asked for",
        "error_rate > 2x stable for 1m or p99 > 2s (fires within 1m20s), not at 100% where stable has no traffic to \
         compare with",
        "until the promotion: one routing write, repeated when it is not answered within 10s",
        "worst while promoting: v1 is put back on stable and traffic follows as its replicas become ready, about 42s if \
         they are ready within 30s; alarm after 5m",
        "takes at least 10m30s",
    ] {
        assert!(run.contains(told), "{told} is missing in\n{run}");
    }
    assert_eq!(plan.dry_run().worst_way_back(), Duration::from_secs(10 + 1 + 30 + 1));
    assert_eq!(plan.dry_run().slowest_guard(), Some(Duration::from_secs(60 + 2 * 10)));
}

#[test]
fn the_dry_run_reckons_the_batches_of_the_way_back() {
    let slow = Recovery::default().ready_within(Duration::from_mins(2));
    let worst = |replicas, recovery| {
        let one_by_one = Rolling::new().max_surge(Count::number(1)).max_unavailable(Count::number(0));
        let run = one_by_one.recovery(recovery).plan(&change(replicas)).unwrap().dry_run().to_string();
        run.lines().last().unwrap().trim().to_owned()
    };
    let told = [
        (
            1,
            Recovery::default(),
            "the replica is put back in 1 batch, about 42s if it is ready within 30s; alarm after 5m",
        ),
        (
            2,
            Recovery::default(),
            "all 2 replicas are put back in 2 batches, about 1m13s if each is ready within 30s; alarm after 5m",
        ),
        (
            3,
            slow,
            "all 3 replicas are put back in 3 batches, about 6m14s if each is ready within 2m; the alarm comes before that, after 5m",
        ),
    ];
    for (replicas, recovery, told) in told {
        assert_eq!(
            worst(replicas, recovery),
            format!("- worst from scale-stable-0 to the promotion: {told}")
        );
    }
}

#[test]
fn a_recovery_of_before_it_was_told_how_long_replicas_take_reads_back() {
    let recovery: Recovery = serde_json::from_str(r#"{"drain":"30s","deadline":"5m"}"#).unwrap();
    assert_eq!(recovery, Recovery::default());
}

#[test]
fn router_that_cannot_do_what_the_strategy_needs_is_refused() {
    let plain = change(4).router(RouterCapabilities::weighted());
    let refused = AbTest::by_header("x", "1").plan(&plain).unwrap_err().to_string();
    assert!(refused.contains("header x") && refused.contains("no headers and no cookies"), "{refused}");
    let ingress = change(4).router(RouterCapabilities::weighted().matching(Matching::HeaderOrAlwaysCookie));
    assert!(AbTest::by_header("x", "1").or_cookie("y", "always").plan(&ingress).is_ok());
    let refused = AbTest::by_header("x", "1").or_cookie("y", "b").plan(&ingress).unwrap_err().to_string();
    assert!(refused.contains("cookie y") && refused.contains("one cookie of the value always"), "{refused}");
    let switch = change(4).router(RouterCapabilities::switching());
    assert!(Canary::default().plan(&switch).is_err());
    assert!(BlueGreen::new().plan(&switch).is_ok());
    assert!(BlueGreen::new().plan(&change(4)).unwrap_err().to_string().contains("give the rollout a router"));
}

#[test]
fn a_swap_needs_a_router_whose_sides_may_change_roles() {
    let keeps = change(4).router(RouterCapabilities::weighted());
    let refused = BlueGreen::new().plan(&keeps).unwrap_err().to_string();
    assert!(refused.contains("promotion: swap is not allowed: copy, since"), "{refused}");
    assert!(Canary::default().promotion(Promotion::Swap).plan(&keeps).is_err());
    let copied = BlueGreen::new().promotion(Promotion::Copy).plan(&keeps).unwrap();
    assert!(copied.dry_run().to_string().contains("end candidate"), "{}", copied.dry_run());
    let swaps = change(4).router(RouterCapabilities::weighted().with_swaps());
    assert!(BlueGreen::new().plan(&swaps).is_ok());
    assert!(Rolling::new().plan(&change(4)).is_ok(), "replicas change roles by themselves");
}

fn weights() -> impl Strategy<Value = Vec<Weight>> {
    proptest::collection::btree_set(1u32..10_000, 0..6).prop_map(|set| {
        set.into_iter().chain([10_000]).map(|hundredths| Weight::hundredths(hundredths).unwrap()).collect()
    })
}

fn attention() -> impl Strategy<Value = Attention> {
    (1u64..60_000, any::<bool>()).prop_map(|(millis, hold)| {
        let then = if hold { Unattended::Hold } else { Unattended::RollBack };
        Attention::default()
            .every(Duration::from_millis(millis))
            .unattended(Duration::from_millis(millis * 7), then)
    })
}

fn plans() -> impl Strategy<Value = Plan> {
    (0..5, 1u32..30, weights(), attention(), any::<bool>(), 1u64..10_000).prop_map(
        |(kind, replicas, weights, attention, swap, millis)| {
            let time = Duration::from_millis(millis);
            let guard = guard()
                .then(GuardAction::Pause)
                .no_data(Limit::new(time, GuardAction::Tell))
                .min_requests(millis);
            let recovery = Recovery::default().drain(time);
            let routed = routed(replicas).guard(guard.clone()).attention(attention);
            let change = change(replicas).guard(guard).attention(attention);
            let promotion = if swap { Promotion::Swap } else { Promotion::Copy };
            let canary =
                Canary::weights(weights).unwrap().every(time).promotion(promotion).recovery(recovery);
            let gate = GateCheck::new("smoke".parse().unwrap()).passes(2);
            let plan = match kind {
                0 => canary.confirmed().plan(&routed),
                1 => canary.plan(&change),
                2 => BlueGreen::new().check(gate).grace(time).recovery(recovery).plan(&routed),
                3 => AbTest::by_cookie("beta", "é\"\n").lasting(time).recovery(recovery).plan(&routed),
                _ => {
                    Rolling::new().max_surge(Count::percent(30)).settle(time).recovery(recovery).plan(&change)
                }
            };
            plan.unwrap()
        },
    )
}

proptest! {
    #[test]
    fn a_plan_reads_back_from_json_exactly(plan in plans()) {
        let json = serde_json::to_string(&plan).unwrap();
        let back: Plan = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(serde_json::to_string(&back).unwrap(), json);
        prop_assert_eq!(back, plan);
    }

    #[test]
    fn every_dry_run_names_every_stage(plan in plans()) {
        let run = plan.dry_run().to_string();
        for stage in plan.stages() {
            prop_assert!(run.contains(stage.name().as_str()));
        }
    }
}

#[test]
fn a_plan_of_ones_own_may_mirror_and_match_before_it_weighs() {
    let beta = Match::Header { name: "x-beta".into(), value: "1".into() };
    let half = Weight::percent(50).unwrap();
    let plan = Plan::builder(&routed(2), "mine")
        .scale(Track::Candidate, Replicas::new(2))
        .expose(Exposure::OFF.mirrored(half))
        .expose(Exposure::matching([beta]).mirrored(half))
        .stage(Stage::new("all".parse().unwrap(), Action::Switch).on_failure(OnFailure::Pause))
        .promotion(Promotion::Swap)
        .promote()
        .build();
    assert!(plan.is_ok(), "{}", plan.unwrap_err());
}
