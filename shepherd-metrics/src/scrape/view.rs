//! What can be said of one track between two looks.

use shepherd_core::model::{Bucket, Histogram, Sample, SampleError};

use super::baselines::Point;
use super::catalogue::{GaugeId, GrownId};
use super::cumulative::Cumulative;
use super::ledger::{Health, Present};
use super::query::Reduction;

/// One track, from a base until now.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// None if there is nothing to compare with yet, or nothing was heard since.
    pub(crate) base: Option<&'a Point>,
    pub(crate) now: &'a Point,
    pub(crate) present: &'a Present,
    pub(crate) health: Health,
}

impl View<'_> {
    /// What cannot be said is no data, never a number that looks like one.
    pub(crate) fn sample(&self, reduction: Reduction) -> Sample {
        self.try_sample(reduction).unwrap_or_else(|error| {
            tracing::debug!(%error, "the endpoints' numbers contradict each other; answering no data");
            Sample::NoData
        })
    }

    #[allow(clippy::cast_precision_loss, reason = "counts of scrapes and restarts are small")]
    fn try_sample(&self, reduction: Reduction) -> Result<Sample, SampleError> {
        match reduction {
            Reduction::Share { part, whole } => self.share(part, whole, |part, _| part),
            Reduction::Rest { part, whole } => self.share(part, whole, |part, whole| whole - part),
            Reduction::Rate(id) => self.rate(id),
            Reduction::Histogram(id) => self.grown(id).map_or(Ok(Sample::NoData), |grown| histogram(&grown)),
            Reduction::GaugeSum(id) => self.gauge(id, |sum, next| sum + next),
            Reduction::GaugeMax(id) => self.gauge(id, f64::max),
            Reduction::Restarts => self.restarts(),
            Reduction::Health => Sample::share(self.health.failures as f64, self.health.scrapes as f64),
        }
    }

    fn share(
        &self,
        part: GrownId,
        whole: GrownId,
        count: impl Fn(f64, f64) -> f64,
    ) -> Result<Sample, SampleError> {
        let Some(whole) = self.grown(whole).map(|grown| grown.total()) else { return Ok(Sample::NoData) };
        // No series of errors, though there are requests, means that nothing failed yet.
        let part = self.grown(part).map_or(0.0, |grown| grown.total());
        Sample::share(count(part, whole), whole)
    }

    fn rate(&self, id: GrownId) -> Result<Sample, SampleError> {
        let span = self.base.map_or(0.0, |base| self.now.at.since(base.at).as_secs_f64());
        match self.grown(id) {
            Some(grown) if span > 0.0 => Sample::number(grown.total() / span),
            _ => Ok(Sample::NoData),
        }
    }

    fn gauge(&self, id: GaugeId, join: impl Fn(f64, f64) -> f64) -> Result<Sample, SampleError> {
        let found = id.of(&self.present.gauges).and_then(|all| all.iter().copied().reduce(join));
        found.map_or(Ok(Sample::NoData), Sample::number)
    }

    #[allow(clippy::cast_precision_loss, reason = "restarts are few")]
    fn restarts(&self) -> Result<Sample, SampleError> {
        match self.base {
            Some(base) if self.present.tells_start => {
                Sample::number((self.now.totals.restarts - base.totals.restarts) as f64)
            }
            _ => Ok(Sample::NoData),
        }
    }

    /// None without a base, or if no page has such a series: that nobody counts is not that nothing happened.
    fn grown(&self, id: GrownId) -> Option<Cumulative> {
        let (now, then) = (id.of(&self.now.totals.grown)?, id.of(&self.base?.totals.grown)?);
        let is_counted = id.of(&self.present.has_grown).copied().unwrap_or(false);
        now.since(then).merged().filter(|grown| is_counted || grown.total() > 0.0)
    }
}

fn histogram(grown: &Cumulative) -> Result<Sample, SampleError> {
    let total = grown.total();
    let mut buckets: Vec<Bucket> = Vec::new();
    for (at_most, count) in grown.buckets().filter(|(edge, _)| *edge < f64::INFINITY) {
        // Some libraries write a page while they count, so that a bucket runs ahead of the next one.
        let before = buckets.last().map_or(0.0, |bucket| bucket.count);
        buckets.push(Bucket { at_most, count: count.min(total).max(before) });
    }
    // Without requests there is no latency, and without a finite edge nothing is known of it.
    if total <= 0.0 || buckets.is_empty() {
        return Ok(Sample::NoData);
    }
    Histogram::new(buckets, total).map(Sample::Histogram)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    fn buckets(all: &[(f64, f64)]) -> Cumulative {
        Cumulative::histogram(all.to_vec()).unwrap()
    }

    #[test]
    fn a_torn_histogram_is_smoothed() {
        let torn = buckets(&[(0.1, 5.0), (0.2, 4.0), (0.3, 9.0), (f64::INFINITY, 8.0)]);
        let Sample::Histogram(smooth) = histogram(&torn).unwrap() else { panic!("no histogram") };
        let counts: Vec<_> = smooth.buckets().iter().map(|bucket| bucket.count).collect();
        assert_eq!((counts, smooth.total()), (vec![5.0, 5.0, 8.0], 8.0));
    }

    #[test]
    fn no_requests_or_no_finite_edge_is_no_data() {
        assert_eq!(histogram(&buckets(&[(0.1, 0.0), (f64::INFINITY, 0.0)])), Ok(Sample::NoData));
        assert_eq!(histogram(&buckets(&[(f64::INFINITY, 4.0)])), Ok(Sample::NoData));
    }
}
