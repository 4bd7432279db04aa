use std::time::Duration;

use super::Strategy;
use crate::model::{Exposure, Replicas, Track, Weight, WeightError};
use crate::plan::{
    Approval, Change, Headroom, Mode, Plan, PlanBuilder, PlanError, Problem, Promotion, Recovery,
};

/// Shows the candidate to more and more users, watching at each step: 10, 25, 50, 75 and 100% unless told otherwise.
///
/// With a router the weights are exact. Without one the replicas are the weight: the nearest possible ratio is taken,
/// and the plan says which.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::strategy::Canary;
/// let careful = Canary::weights(["0.1%", "1%", "10%", "100%"])?.every(Duration::from_mins(5)).confirmed();
/// # Ok::<(), shepherd_core::model::WeightError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    weights: Vec<Weight>,
    interval: Duration,
    approval: Option<Approval>,
    promotion: Promotion,
    promoted_within: Option<Duration>,
    recovery: Recovery,
}

impl Canary {
    /// A canary of these weights: whole percents, or texts such as `"0.1%"`. They must grow and end at 100%.
    ///
    /// # Errors
    /// [`WeightError`] for the first that is no weight.
    pub fn weights<W>(weights: impl IntoIterator<Item = W>) -> Result<Self, WeightError>
    where
        W: TryInto<Weight, Error: Into<WeightError>>,
    {
        let weights =
            weights.into_iter().map(|one| one.try_into().map_err(Into::into)).collect::<Result<_, _>>()?;
        Ok(Self { weights, ..Self::default() })
    }

    /// How long each step is watched; 5 min unless told otherwise. With zero it goes on as soon as users are where the
    /// step sends them, and guards see only what they are asked meanwhile.
    #[must_use]
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Asks a person before each further step.
    #[must_use]
    pub fn confirmed(self) -> Self {
        self.confirmed_by(Approval::of_anybody(1))
    }

    /// Asks these people before each further step.
    #[must_use]
    pub fn confirmed_by(mut self, approval: Approval) -> Self {
        self.approval = Some(approval);
        self
    }

    /// How the candidate becomes stable; by copy unless told otherwise.
    #[must_use]
    pub fn promotion(mut self, promotion: Promotion) -> Self {
        self.promotion = promotion;
        self
    }

    /// How long the promotion may take before the rollout is taken back; 10 min unless told otherwise. More of it where
    /// somebody else carries it out in their own time.
    #[must_use]
    pub fn promoted_within(mut self, time: Duration) -> Self {
        self.promoted_within = Some(time);
        self
    }

    /// The way back.
    #[must_use]
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = recovery;
        self
    }

    fn routed(&self, change: &Change, finest: Weight) -> Result<PlanBuilder, PlanError> {
        let mut plan = Plan::builder(change, "canary");
        let mut scaled = Replicas::ZERO;
        let mut before = Weight::ZERO;
        for (index, &asked) in self.weights.iter().enumerate() {
            let weight = nearest(index, asked, before, finest)?;
            plan = self.confirmation(index, plan);
            let needed = change.replicas.for_weight(weight);
            if needed > scaled {
                plan = plan.scale(Track::Candidate, needed);
                scaled = needed;
            }
            plan = plan.weight(weight);
            if weight != asked {
                plan = plan.instead_of(asked);
            }
            plan = self.watched(plan);
            before = weight;
        }
        Ok(plan)
    }

    /// Without a router each step adds candidate replicas before it removes stable ones.
    fn by_replicas(&self, change: &Change) -> PlanBuilder {
        let all = change.replicas.get();
        let counts: Vec<u32> = self.weights.iter().map(|weight| nearest_count(*weight, all)).collect();
        let surge = counts
            .iter()
            .scan(0, |before, count| Some(count.abs_diff(std::mem::replace(before, *count))))
            .max();
        let headroom = Headroom { surge: Replicas::new(surge.unwrap_or(1)), unavailable: Replicas::ZERO };
        let mut plan = Plan::builder(change, "canary").mode(Mode::Ratio(headroom));
        let mut before = 0;
        for (index, (&asked, &count)) in self.weights.iter().zip(&counts).enumerate() {
            plan = self.confirmation(index, plan);
            if count != before {
                plan = plan.scale(Track::Candidate, Replicas::new(count));
                if Weight::share_of(count, all) != asked {
                    plan = plan.instead_of(asked);
                }
                plan = plan.scale(Track::Stable, Replicas::new(all - count));
            }
            plan = self.watched(plan);
            if count == before && !self.interval.is_zero() {
                plan = plan.instead_of(asked);
            }
            before = count;
        }
        plan
    }

    fn watched(&self, plan: PlanBuilder) -> PlanBuilder {
        if self.interval.is_zero() { plan } else { plan.bake(self.interval) }
    }

    fn confirmation(&self, index: usize, plan: PlanBuilder) -> PlanBuilder {
        match &self.approval {
            Some(approval) if index > 0 => plan.approve(approval.clone()),
            _ => plan,
        }
    }
}

fn nearest(index: usize, asked: Weight, before: Weight, finest: Weight) -> Result<Weight, PlanError> {
    let weight = asked.rounded_to(finest);
    if weight > before || asked <= before {
        return Ok(weight);
    }
    let allowed = format!("a weight that the router can tell from {before}: its finest step is {finest}");
    Err(Problem::new(
        format!("weights[{index}]"),
        asked,
        allowed,
        "use a larger weight, or leave this one out",
    )
    .into())
}

/// Any weight needs one replica, and only the full one needs them all.
fn nearest_count(weight: Weight, all: u32) -> u32 {
    let full = u64::from(Weight::FULL.as_hundredths());
    let rounded = (u64::from(all) * u64::from(weight.as_hundredths()) + full / 2) / full;
    let most = if weight == Weight::FULL { all } else { all.saturating_sub(1).max(1).min(all) };
    u32::try_from(rounded).unwrap_or(all).clamp(1.min(most), most)
}

impl Default for Canary {
    fn default() -> Self {
        let weights = [1000, 2500, 5000, 7500, 10_000]
            .map(|hundredths| Weight::hundredths(hundredths).unwrap_or_default());
        Self {
            weights: weights.into(),
            interval: Duration::from_mins(5),
            approval: None,
            promotion: Promotion::Copy,
            promoted_within: None,
            recovery: Recovery::default(),
        }
    }
}

impl Strategy for Canary {
    fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
        let plan = match &change.router {
            Some(router) => self.routed(change, router.finest_weight)?,
            None => self.by_replicas(change),
        };
        let plan = plan.recovery(self.recovery).promotion(self.promotion).promote();
        let plan = match self.promoted_within {
            Some(time) => plan.within(time),
            None => plan,
        };
        let drain = self.recovery.drain;
        match self.promotion {
            Promotion::Copy if change.router.is_some() => {
                plan.expose(Exposure::OFF).retire(Track::Candidate, drain).build()
            }
            Promotion::Copy => plan.retire(Track::Candidate, drain).build(),
            Promotion::Swap => plan.retire(Track::Stable, drain).build(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Revision, RouterCapabilities};
    use crate::plan::Stage;

    fn change(replicas: u32) -> Change {
        Change::new("web".parse().unwrap(), Revision::new("v1").unwrap(), Revision::new("v2").unwrap())
            .replicas(Replicas::new(replicas))
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.stages().iter().map(|stage| stage.name().as_str()).collect()
    }

    #[test]
    fn capacity_comes_before_traffic() {
        let plan = Canary::weights([10, 100])
            .unwrap()
            .plan(&change(4).router(RouterCapabilities::weighted()))
            .unwrap();
        let expected = [
            "scale-candidate-1",
            "expose-10%",
            "bake-10%",
            "scale-candidate-4",
            "expose-100%",
            "bake-100%",
            "promote",
            "return",
            "retire-candidate",
        ];
        assert_eq!(names(&plan), expected);
    }

    #[test]
    fn without_an_interval_no_step_is_watched() {
        let canary = Canary::weights([10, 100]).unwrap().every(Duration::ZERO);
        for change in [change(4).router(RouterCapabilities::weighted()), change(4)] {
            let plan = canary.plan(&change).unwrap();
            assert!(!names(&plan).iter().any(|name| name.starts_with("bake")), "{:?}", names(&plan));
        }
    }

    #[test]
    fn a_promotion_has_the_time_that_it_is_given() {
        let change = change(4).router(RouterCapabilities::weighted());
        let given = |canary: Canary| {
            let plan = canary.plan(&change).unwrap();
            let promote = plan.stages().iter().find(|stage| stage.name().as_str() == "promote");
            promote.and_then(Stage::deadline).unwrap()
        };
        assert_eq!(given(Canary::default()), Duration::from_mins(10));
        let hour = Duration::from_hours(1);
        assert_eq!(given(Canary::default().promoted_within(hour)), hour);
    }

    #[test]
    fn a_router_that_is_too_coarse_is_said_and_never_rounds_to_nothing() {
        let coarse = RouterCapabilities::weighted().finest_weight(Weight::percent(5).unwrap());
        let plan = Canary::weights([12, 100]).unwrap().plan(&change(4).router(coarse)).unwrap();
        assert_eq!(plan.stages()[1].asked(), Some(Weight::percent(12).unwrap()));
        let error = Canary::weights([1, 100]).unwrap().plan(&change(4).router(coarse)).unwrap_err();
        assert!(error.to_string().contains("weights[0]: 1% is not allowed"), "{error}");
    }

    #[test]
    fn weights_that_fall_or_end_early_are_refused_together() {
        let error = Canary::weights([10, 5])
            .unwrap()
            .plan(&change(4).router(RouterCapabilities::weighted()))
            .unwrap_err();
        assert_eq!(error.problems().len(), 2, "{error}");
        assert!(Canary::weights([10, 120]).is_err());
        assert_eq!(Canary::weights([Weight::FULL]), Canary::weights([100]), "weights are weights already");
    }

    #[test]
    fn without_a_router_the_replicas_are_the_weight_and_the_plan_says_the_true_one() {
        let plan = Canary::default().plan(&change(3)).unwrap();
        let run = plan.dry_run().to_string();
        assert!(
            run.contains("candidate to 1 ready replicas: 33.33% of the traffic, the nearest to the 10%"),
            "{run}"
        );
        assert_eq!(nearest_count(Weight::percent(10).unwrap(), 1), 1);
    }
}
