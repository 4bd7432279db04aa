use std::time::Duration;

use super::{Count, Percent, Strategy};
use crate::model::{Replicas, Track};
use crate::plan::{Change, Headroom, Mode, Plan, PlanBuilder, PlanError, Promotion, Recovery};

/// Replaces replicas batch by batch, never more above and never more below the wanted number than allowed.
///
/// There is no off in place: a trigger freezes the batches, then puts the old revision back in the same way.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::strategy::{Count, Rolling};
/// let rolling = Rolling::new().max_surge("25%".parse()?).max_unavailable(Count::number(0)).settle(Duration::from_secs(10));
/// # Ok::<(), shepherd_core::strategy::CountError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rolling {
    max_surge: Count,
    max_unavailable: Count,
    progress_deadline: Duration,
    settle: Duration,
    recovery: Recovery,
}

impl Rolling {
    /// A quarter more and a quarter fewer, 10 min for each batch, and each batch watched for 10 s.
    pub fn new() -> Self {
        Self {
            max_surge: Count::percent(25),
            max_unavailable: Count::percent(25),
            progress_deadline: Duration::from_mins(10),
            settle: Duration::from_secs(10),
            recovery: Recovery::default(),
        }
    }

    /// How many replicas more there may be; a percentage rounds up.
    #[must_use]
    pub fn max_surge(mut self, count: Count) -> Self {
        self.max_surge = count;
        self
    }

    /// How many replicas fewer may be ready; a percentage rounds down.
    #[must_use]
    pub fn max_unavailable(mut self, count: Count) -> Self {
        self.max_unavailable = count;
        self
    }

    /// How long a batch may take to become ready.
    #[must_use]
    pub fn progress_deadline(mut self, deadline: Duration) -> Self {
        self.progress_deadline = deadline;
        self
    }

    /// How long each batch is watched before the next; zero for not at all.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The way back.
    #[must_use]
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = recovery;
        self
    }

    /// As Kubernetes reckons them: surge rounds up, unavailable rounds down, and when both come to nothing by
    /// rounding one replica may be missing. Two plain zeros stay, and the plan refuses them.
    fn headroom(&self, all: Replicas) -> Headroom {
        let surge = self.max_surge.rounded_up(all);
        let unavailable = self.max_unavailable.rounded_down(all);
        let rounded = matches!(self.max_unavailable, Count::Percent(percent) if percent > Percent::ZERO);
        let stuck = surge == Replicas::ZERO && unavailable == Replicas::ZERO;
        let unavailable = if stuck && rounded { Replicas::new(1) } else { unavailable };
        Headroom { surge, unavailable: unavailable.min(all) }
    }

    fn batches(&self, change: &Change, headroom: Headroom) -> PlanBuilder {
        let mut plan =
            Plan::builder(change, "rolling").mode(Mode::InPlace(headroom)).promotion(Promotion::Swap);
        let all = change.replicas.get();
        let (most, least) = (all.saturating_add(headroom.surge.get()), all - headroom.unavailable.get());
        let (mut stable, mut candidate) = (all, 0);
        while candidate < all || stable > 0 {
            let added = (all - candidate).min(most - stable - candidate);
            candidate += added;
            if added > 0 {
                plan = plan.scale(Track::Candidate, Replicas::new(candidate)).within(self.progress_deadline);
                plan = if self.settle.is_zero() { plan } else { plan.bake(self.settle) };
            }
            let removed = stable.min((stable + candidate).saturating_sub(least));
            stable -= removed;
            if removed > 0 {
                plan = plan.scale(Track::Stable, Replicas::new(stable)).within(self.progress_deadline);
            }
            if added == 0 && removed == 0 {
                // Without headroom nothing moves: building the plan says so.
                break;
            }
        }
        plan
    }
}

impl Default for Rolling {
    fn default() -> Self {
        Self::new()
    }
}

impl Strategy for Rolling {
    fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
        let headroom = self.headroom(change.replicas);
        let mut plan = self.batches(change, headroom);
        if !self.settle.is_zero() {
            plan = plan.bake(self.settle);
        }
        plan.recovery(self.recovery).promote().build()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Revision;
    use crate::plan::Action;
    // proptest's prelude has a trait of the same name.
    use crate::strategy::Strategy as _;

    fn change(replicas: u32) -> Change {
        Change::new("web".parse().unwrap(), Revision::new("v1").unwrap(), Revision::new("v2").unwrap())
            .replicas(Replicas::new(replicas))
    }

    proptest! {
        #[test]
        fn batches_stay_within_their_headroom_and_end_with_the_candidate_alone(
            all in 1u32..40, surge in 0u32..10, unavailable in 0u32..10,
        ) {
            prop_assume!(surge + unavailable > 0);
            let rolling = Rolling::new().max_surge(Count::number(surge)).max_unavailable(Count::number(unavailable));
            let plan = rolling.plan(&change(all)).unwrap();
            let (mut stable, mut candidate) = (all, 0);
            for stage in plan.stages() {
                match stage.action() {
                    Action::Scale { track: Track::Stable, replicas } => stable = replicas.get(),
                    Action::Scale { track: Track::Candidate, replicas } => candidate = replicas.get(),
                    _ => {}
                }
                prop_assert!(stable + candidate <= all + surge);
                prop_assert!(stable + candidate >= all - unavailable.min(all));
            }
            prop_assert_eq!((stable, candidate), (0, all));
        }
    }

    #[test]
    fn no_headroom_at_all_is_refused_with_a_remedy() {
        let stuck = Rolling::new().max_surge(Count::number(0)).max_unavailable(Count::number(0));
        let error = stuck.plan(&change(4)).unwrap_err().to_string();
        assert!(error.contains("allow one replica more"), "{error}");
    }

    #[test]
    fn percentages_round_as_kubernetes_rounds_them() {
        let headroom = Rolling::new().headroom(Replicas::new(10));
        assert_eq!((headroom.surge.get(), headroom.unavailable.get()), (3, 2));
        let rounded_away = Rolling::new().max_surge(Count::number(0)).headroom(Replicas::new(1));
        assert_eq!(rounded_away.unavailable.get(), 1);
    }
}
