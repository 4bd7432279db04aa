//! The small plans. Their time goes by in steps as long as the shortest time between two looks, so that what the
//! machine counts it counts to three or four; a plan of hours differs from them in nothing but how far it counts.

use std::time::Duration;

use shepherd_core::model::{Exposure, Replicas, RouterCapabilities, Track, Weight};
use shepherd_core::plan::{Attention, Change, GateCheck, Mode, Plan, PlanBuilder, Promotion, Recovery};
use shepherd_core::strategy::{Canary, Count, Rolling, Strategy as _};

use super::super::generate::revision;

/// The shortest time between two looks, which is the beat here too.
pub(super) const STEP: Duration = Duration::from_millis(20);

fn change(replicas: u32) -> Change {
    let attention = Attention::default().every(STEP).blind(STEP * 2).call_timeout(STEP);
    Change::new("web".parse().unwrap(), revision("v1"), revision("v2"))
        .replicas(Replicas::new(replicas))
        .attention(attention)
}

fn recovery() -> Recovery {
    Recovery::default().drain(STEP).deadline(STEP * 3)
}

/// Each stage may take three steps.
fn hasty(plan: &Plan, change: &Change) -> Plan {
    let builder = Plan::builder(change, "small").mode(plan.mode()).promotion(plan.promotion());
    let staged = |builder: PlanBuilder, stage: &shepherd_core::plan::Stage| {
        builder.stage(if stage.deadline().is_some() { stage.clone().within(STEP * 3) } else { stage.clone() })
    };
    plan.stages().iter().fold(builder.recovery(recovery()), staged).build().unwrap()
}

/// Half of the traffic, all of it, then stable takes the candidate's revision over.
pub(super) fn split(replicas: u32) -> Plan {
    let change = change(replicas).router(RouterCapabilities::weighted());
    let half = Weight::percent(50).unwrap();
    let plan = Plan::builder(&change, "split")
        .scale(Track::Candidate, Replicas::new(replicas).for_weight(half))
        .weight(half)
        .bake(STEP);
    let plan = if replicas > 1 { plan.scale(Track::Candidate, Replicas::new(replicas)) } else { plan };
    let plan = plan.weight(Weight::FULL).promote().expose(Exposure::OFF).retire(Track::Candidate, STEP);
    hasty(&plan.build().unwrap(), &change)
}

/// All of the traffic at once, a gate, then the tracks change roles.
pub(super) fn switch() -> Plan {
    let change = change(1).router(RouterCapabilities::switching());
    let gate = GateCheck::new("smoke".parse().unwrap()).every(STEP).passes(1).failures(0);
    let plan = Plan::builder(&change, "switch")
        .mode(Mode::Switch)
        .promotion(Promotion::Swap)
        .scale(Track::Candidate, Replicas::new(1))
        .switch()
        .check(gate)
        .promote()
        .retire(Track::Stable, STEP);
    hasty(&plan.build().unwrap(), &change)
}

/// No router: of two replicas first one, then both are the candidate's.
pub(super) fn ratio() -> Plan {
    let change = change(2);
    hasty(
        &Canary::weights([50, 100]).unwrap().every(STEP).recovery(recovery()).plan(&change).unwrap(),
        &change,
    )
}

/// No router and no way to take traffic off: two replicas are replaced one after the other.
pub(super) fn in_place() -> Plan {
    let change = change(2);
    let rolling = Rolling::new()
        .max_surge(Count::Number(Replicas::new(1)))
        .max_unavailable(Count::Number(Replicas::ZERO))
        .settle(STEP)
        .recovery(recovery());
    hasty(&rolling.plan(&change).unwrap(), &change)
}
