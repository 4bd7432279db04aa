use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Strategy;
use crate::model::{Replicas, Track};
use crate::plan::{Change, Headroom, Mode, Plan, PlanBuilder, PlanError, Promotion, Recovery};

/// Replaces replicas batch by batch, never more above and never more below the wanted number than allowed.
///
/// There is no off in place: a trigger freezes the batches, then puts the old revision back in the same way.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::strategy::{Count, Rolling};
/// let rolling = Rolling::new().max_surge("25%".parse()?).max_unavailable(Count::Number(0)).settle(Duration::from_secs(10));
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

/// A number of replicas, or a percentage of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Number(u32),
    /// So many of a hundred.
    Percent(u32),
}

/// Why a text is no count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no count of replicas: write a number such as 2, or a percentage such as 25%")]
pub struct CountError {
    value: String,
}

impl Rolling {
    /// A quarter more and a quarter fewer, 10 min for each batch, and each batch watched for 10 s.
    pub fn new() -> Self {
        Self {
            max_surge: Count::Percent(25),
            max_unavailable: Count::Percent(25),
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
    fn headroom(&self, all: u32) -> Headroom {
        let surge = self.max_surge.of(all, true);
        let unavailable = self.max_unavailable.of(all, false).min(all);
        let rounded = matches!(self.max_unavailable, Count::Percent(percent) if percent > 0);
        let unavailable = if surge == 0 && unavailable == 0 && rounded { 1 } else { unavailable };
        Headroom { surge: Replicas::new(surge), unavailable: Replicas::new(unavailable) }
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

impl Count {
    fn of(self, all: u32, up: bool) -> u32 {
        match self {
            Count::Number(number) => number,
            Count::Percent(percent) => {
                let hundredfold = u64::from(all) * u64::from(percent);
                let count = if up { hundredfold.div_ceil(100) } else { hundredfold / 100 };
                u32::try_from(count).unwrap_or(u32::MAX)
            }
        }
    }
}

impl FromStr for Count {
    type Err = CountError;

    fn from_str(text: &str) -> Result<Self, CountError> {
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten().ok_or_else(|| CountError { value: text.to_owned() })
        };
        match text.strip_suffix('%') {
            Some(percent) => number(percent).map(Count::Percent),
            None => number(text).map(Count::Number),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Count::Number(number) => write!(f, "{number}"),
            Count::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl Default for Rolling {
    fn default() -> Self {
        Self::new()
    }
}

impl Strategy for Rolling {
    fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
        let headroom = self.headroom(change.replicas.get());
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
            let rolling = Rolling::new().max_surge(Count::Number(surge)).max_unavailable(Count::Number(unavailable));
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
        let stuck = Rolling::new().max_surge(Count::Number(0)).max_unavailable(Count::Number(0));
        let error = stuck.plan(&change(4)).unwrap_err().to_string();
        assert!(error.contains("allow one replica more"), "{error}");
    }

    #[test]
    fn percentages_round_as_kubernetes_rounds_them() {
        let headroom = Rolling::new().headroom(10);
        assert_eq!((headroom.surge.get(), headroom.unavailable.get()), (3, 2));
        let rounded_away = Rolling::new().max_surge(Count::Number(0)).headroom(1);
        assert_eq!(rounded_away.unavailable.get(), 1);
    }
}
