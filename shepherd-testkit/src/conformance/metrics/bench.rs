use shepherd_core::model::{Cursor, Measurement, Metric, Sample, Track};
use shepherd_core::ports::{MeasureRequest, MetricsSource};

use super::MetricsFixture;
use crate::conformance::Broken;
use crate::conformance::promise::Promise;

/// One source under one promise.
pub(super) struct Bench<'f, F: MetricsFixture> {
    pub(super) promise: Promise,
    pub(super) source: F::Source,
    pub(super) fixture: &'f F,
}

impl<'f, F: MetricsFixture> Bench<'f, F> {
    pub(super) async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let promise = Promise::new(name, fixture.patience());
        let source = promise.opened(fixture.open().await)?;
        Ok(Self { promise, source, fixture })
    }

    /// The metric whose increments are told, if the source has one.
    pub(super) fn share(&self) -> Result<Option<Metric>, Broken> {
        if let Some(share) = self.fixture.share() {
            let what = format_args!("the fixture counts by {share}, which the source does not support");
            self.promise.holds(self.source.supports(&share), what)?;
            return Ok(Some(share));
        }
        for counted in [Metric::ErrorRate, Metric::Availability] {
            let what = format_args!("the source supports {counted}, and the fixture does not say so");
            self.promise.holds(!self.source.supports(&counted), what)?;
        }
        Ok(None)
    }

    /// All metrics that the source supports.
    pub(super) fn supported(&self) -> Vec<Metric> {
        let named = Metric::NAMES.iter().filter_map(|name| name.parse().ok());
        let mut all: Vec<_> = named.chain(self.fixture.share()).filter(|m| self.source.supports(m)).collect();
        all.sort();
        all.dedup();
        all
    }

    pub(super) async fn serve(&self, track: Track, requests: u32, failed: u32) -> Result<(), Broken> {
        self.promise.opened(self.fixture.serve(track, requests, failed).await)
    }

    pub(super) fn question(&self, cursor: Option<&Cursor>) -> MeasureRequest {
        MeasureRequest::new(self.supported(), cursor.cloned())
    }

    /// What is measured since a cursor.
    pub(super) async fn since(&self, cursor: Option<&Cursor>) -> Result<Measurement, Broken> {
        let question = self.question(cursor);
        self.promise.done("measuring", || self.source.measure(&question)).await
    }

    pub(super) async fn baseline(&self) -> Result<Cursor, Broken> {
        Ok(self.since(None).await?.cursor)
    }

    /// The share of this side is so many failed of so many; no data for none.
    pub(super) fn tells(
        &self,
        seen: &Measurement,
        track: Track,
        all: u32,
        failed: u32,
    ) -> Result<(), Broken> {
        let Some(metric) = self.share()? else { return self.sound(seen) };
        let sample = seen.sample(&metric, track);
        let part = if metric == Metric::Availability { all - failed } else { failed };
        let close = |seen: f64, wanted: u32| (seen - f64::from(wanted)).abs() < 1e-6;
        let kept = match sample {
            Sample::NoData => all == 0,
            Sample::Share { part: p, whole } => all > 0 && close(*p, part) && close(*whole, all),
            _ => false,
        };
        let wanted = if all == 0 { "no data".to_owned() } else { format!("{part} of {all}") };
        self.promise
            .holds(kept, format_args!("{metric} of {track} is {sample:?} where {wanted} was promised"))
    }

    /// Every number can be decided by, and silence is no number.
    pub(super) fn sound(&self, seen: &Measurement) -> Result<(), Broken> {
        for reading in &seen.readings {
            let (metric, sample) = (&reading.metric, &reading.sample);
            self.promise.ok(&format!("a sample of {metric} on {}", reading.track), sample.check())?;
            let empty = match sample {
                Sample::Share { whole, .. } => *whole <= 0.0,
                Sample::Histogram(histogram) => histogram.total() <= 0.0,
                _ => false,
            };
            self.promise
                .holds(!empty, format_args!("{metric} of {} counts nothing: {sample:?}", reading.track))?;
        }
        Ok(())
    }
}
