use shepherd_core::model::{Bucket, Histogram};

/// Upper edges in seconds.
const EDGES: [f64; 20] = [
    0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.5,
    5.0, 10.0,
];

/// Cumulative counts of how long requests took.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Latencies {
    counts: [f64; EDGES.len()],
    total: f64,
}

impl Latencies {
    /// Counts requests that took `median` seconds, with 99 of 100 within `tail` times as long: a Weibull
    /// distribution, whose two parameters follow from these two quantiles.
    pub(super) fn add(&mut self, requests: f64, median: f64, tail: f64) {
        let shape = (100.0_f64.ln() / 2.0_f64.ln()).ln() / tail.ln();
        for (count, edge) in self.counts.iter_mut().zip(EDGES) {
            let within = 1.0 - (-2.0_f64.ln() * (edge / median.max(1e-6)).powf(shape)).exp();
            *count += requests * within;
        }
        self.total += requests;
    }

    /// What came since `base`; none when nothing did.
    pub(super) fn since(&self, base: &Latencies) -> Option<Histogram> {
        let total = self.total - base.total;
        let counts = self.counts.iter().zip(&base.counts).map(|(now, then)| (now - then).max(0.0));
        // Sums of fractions round: a bucket must not fall below the one before it, nor exceed the whole.
        let growing = counts.scan(0.0_f64, |highest, count| {
            *highest = highest.max(count).min(total);
            Some(*highest)
        });
        let buckets = EDGES.into_iter().zip(growing).map(|(at_most, count)| Bucket { at_most, count });
        if total > 0.0 { Histogram::new(buckets, total).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use shepherd_core::model::Quantile;

    use super::*;

    #[test]
    fn quantiles_come_out_as_they_went_in() {
        let mut latencies = Latencies::default();
        latencies.add(1000.0, 0.1, 5.0);
        let histogram = latencies.since(&Latencies::default()).unwrap();
        let (median, high) =
            (histogram.quantile(Quantile::P50).unwrap(), histogram.quantile(Quantile::P99).unwrap());
        assert!((0.075..=0.125).contains(&median), "{median}");
        assert!((0.4..=0.6).contains(&high), "{high}");
    }
}
