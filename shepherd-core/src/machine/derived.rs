use std::ops::RangeInclusive;
use std::time::Duration;

use crate::model::{Metric, StageIndex, StageName};
use crate::plan::Plan;

/// What follows from the plan alone, reckoned once, so that a step costs the same however long the plan is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Derived {
    pub(super) promote: StageIndex,
    /// For each guard, the stages that it watches over: never beyond the promotion.
    pub(super) ranges: Vec<RangeInclusive<StageIndex>>,
    /// What the guards ask for, each once.
    pub(super) metrics: Vec<Metric>,
    /// How often to look, at the least, while something is waited for.
    pub(super) poll: Duration,
}

impl Derived {
    pub(super) fn of(plan: &Plan) -> Self {
        let promote = plan.promote_stage();
        let position = |name: &StageName| plan.position(|stage| stage.name() == name);
        let ranges = plan.guards().iter().map(|guard| {
            let from = guard.stages().from.as_ref().and_then(position).unwrap_or(StageIndex::FIRST);
            let to = guard.stages().to.as_ref().and_then(position).unwrap_or(promote);
            from..=to.min(promote)
        });
        let mut metrics: Vec<Metric> =
            plan.guards().iter().flat_map(|guard| guard.metrics().cloned()).collect();
        metrics.sort();
        metrics.dedup();
        Self { promote, ranges: ranges.collect(), metrics, poll: plan.attention().poll() }
    }
}
