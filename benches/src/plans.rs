use std::time::Duration;

use shepherd_core::model::{Replicas, Revision, RouterCapabilities, Track, Weight};
use shepherd_core::plan::{Attention, Change, Plan, Promotion};

/// How large a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many stages it has; at least 5.
    pub stages: usize,
    /// How many guards watch over it; at most 8.
    pub guards: usize,
}

/// One of each kind that the language has, and none of them near to firing.
const GUARDS: [&str; 8] = [
    "error_rate > 5% for 2m",
    "p95 > 1000ms for 5m",
    "availability < 99% for 1m",
    "health_check_failures > 50% for 30s",
    "restarts > 3",
    "cpu > 3 for 1m",
    "memory > 1GiB and request_rate > 0/s for 1m",
    "query(queue) > 1000 or p99 > 3s for 30s",
];

/// Longer than any benchmark runs, also in simulated time.
const FOR_EVER: Duration = Duration::from_hours(24 * 365 * 1000);

/// A change of four replicas behind a weighted router, under so many guards.
///
/// # Panics
/// Never: the texts are known.
#[allow(clippy::expect_used, reason = "the texts are known")]
pub fn change(guards: usize) -> Change {
    let revision = |text| Revision::new(text).expect("a revision");
    let target = "shop/web".parse().expect("a target");
    let change =
        Change::new(target, revision("registry.example/shop:v1"), revision("registry.example/shop:v2"))
            .replicas(Replicas::new(4))
            .router(RouterCapabilities::weighted().with_swaps())
            .attention(Attention::default());
    GUARDS[..guards].iter().fold(change, |change, guard| change.guard(guard.parse().expect("a guard")))
}

/// A plan that bakes stage after stage, for ever in the last of them.
///
/// # Panics
/// When the shape is out of bounds.
#[allow(clippy::expect_used, reason = "a benchmark of a plan that does not exist must not go on")]
pub fn baking(shape: Shape) -> Plan {
    let four = Replicas::new(4);
    let plan = Plan::builder(&change(shape.guards), "bench")
        .promotion(Promotion::Swap)
        .scale(Track::Candidate, four)
        .weight(Weight::FULL);
    let bakes = shape.stages.checked_sub(4).expect("at least 5 stages");
    let plan = (1..bakes).fold(plan, |plan, _| plan.bake(Duration::from_secs(10)));
    plan.bake(FOR_EVER).promote().retire(Track::Stable, Duration::from_secs(30)).build().expect("a plan")
}
