//! What a number of one's own is made of.

use super::catalogue::{Catalogue, GaugeId, GrownId};
use super::selector::Selector;

/// How series become the one number of a `query(name)` metric.
///
/// ```
/// use shepherd_metrics::scrape::{Query, Selector};
///
/// let retries = Query::ratio(Selector::metric("retries_total"), Selector::metric("calls_total"));
/// let backlog = Query::gauge_max(Selector::metric("queue_length").equals("queue", "mail"));
/// # let _ = (retries, backlog);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    recipe: Recipe,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Recipe {
    Rate(Selector),
    Ratio { part: Selector, whole: Selector },
    GaugeSum(Selector),
    GaugeMax(Selector),
}

impl Query {
    /// How fast counters grew, a second, all series together.
    pub fn rate(counters: Selector) -> Self {
        Self { recipe: Recipe::Rate(counters) }
    }

    /// How much counters grew for how much others grew. `part` must count a part of what `whole` counts; no data where
    /// it turns out to be more.
    pub fn ratio(part: Selector, whole: Selector) -> Self {
        Self { recipe: Recipe::Ratio { part, whole } }
    }

    /// All gauges of the track together.
    pub fn gauge_sum(gauges: Selector) -> Self {
        Self { recipe: Recipe::GaugeSum(gauges) }
    }

    /// The largest gauge of the track.
    pub fn gauge_max(gauges: Selector) -> Self {
        Self { recipe: Recipe::GaugeMax(gauges) }
    }

    pub(crate) fn enter(&self, catalogue: &mut Catalogue) -> Reduction {
        match &self.recipe {
            Recipe::Rate(counters) => Reduction::Rate(catalogue.counter(counters)),
            Recipe::Ratio { part, whole } => {
                Reduction::Share { part: catalogue.counter(part), whole: catalogue.counter(whole) }
            }
            Recipe::GaugeSum(gauges) => Reduction::GaugeSum(catalogue.gauge(gauges)),
            Recipe::GaugeMax(gauges) => Reduction::GaugeMax(catalogue.gauge(gauges)),
        }
    }
}

/// How a metric is computed from what the catalogue found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    Share {
        part: GrownId,
        whole: GrownId,
    },
    /// What is left of the whole without the part.
    Rest {
        part: GrownId,
        whole: GrownId,
    },
    Rate(GrownId),
    Histogram(GrownId),
    GaugeSum(GaugeId),
    GaugeMax(GaugeId),
    Restarts,
    Health,
}
