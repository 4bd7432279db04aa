//! Turns what is asked into a plan: rolling, blue/green, canary, A/B, or one of your own.

mod ab_test;
mod blue_green;
mod canary;
mod count;
mod rolling;

pub use ab_test::AbTest;
pub use blue_green::BlueGreen;
pub use canary::Canary;
pub use count::{Count, CountError, Percent};
pub use rolling::Rolling;

use crate::plan::{Change, Plan, PlanError};

/// Turns a change into a plan. It runs once, before anything happens; the plan then stands by itself.
///
/// One of your own is a function from a [`Change`] to a [`Plan`]. The plan's rules hold for it as for every other:
/// capacity before traffic, exposure that only grows, a promotion at full exposure, a deadline on every wait.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::model::{Replicas, Track, Weight};
/// use shepherd_core::plan::{Change, Plan, PlanError};
/// use shepherd_core::strategy::Strategy;
/// # use shepherd_core::model::{Exposure, Revision, RouterCapabilities};
///
/// /// One percent over lunch, then everybody.
/// struct OverLunch;
///
/// impl Strategy for OverLunch {
///     fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
///         Plan::builder(change, "over-lunch")
///             .scale(Track::Candidate, Replicas::new(1))
///             .weight(Weight::hundredths(100).unwrap_or_default())
///             .bake(Duration::from_hours(1))
///             .scale(Track::Candidate, change.replicas)
///             .weight(Weight::FULL)
///             .bake(Duration::from_mins(10))
///             .promote()
///             .expose(Exposure::OFF)
///             .retire(Track::Candidate, Duration::from_secs(30))
///             .build()
///     }
/// }
/// # let change = Change::new("web".parse()?, Revision::new("v1")?, Revision::new("v2")?)
/// #     .replicas(Replicas::new(4)).router(RouterCapabilities::weighted());
/// assert_eq!(OverLunch.plan(&change)?.stages().len(), 9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Strategy: Send + Sync {
    /// The plan for this change.
    ///
    /// # Errors
    /// [`PlanError`] with every mistake, when the settings make no sense on this ground.
    fn plan(&self, change: &Change) -> Result<Plan, PlanError>;
}
