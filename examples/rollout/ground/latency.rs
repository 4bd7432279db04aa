//! How long requests took, for any number of them in little memory.

use std::time::Duration;

/// Buckets per doubling: a quantile is at most 1/16 too high.
const PER_DOUBLING: u64 = 16;

/// Counts of latencies in microseconds; the width of a bucket grows with what it holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Latencies {
    pub(crate) fn record(&mut self, latency: Duration) {
        let bucket = bucket(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
        self.max = self.max.max(latency);
    }

    /// The latency that `percent` of the requests did not exceed; zero when there were none.
    pub(crate) fn percentile(&self, percent: u64) -> Duration {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map_or(Duration::ZERO, |bucket| upper_bound(bucket as u64).min(self.max))
    }

    /// How many took longer than this; those within the width of its bucket count as not longer.
    pub(crate) fn above(&self, limit: Duration) -> u64 {
        let within = bucket(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX));
        self.counts.iter().skip(within + 1).sum()
    }
}

/// Exact below 16, then sixteen buckets for every doubling.
fn bucket(micros: u64) -> usize {
    let doublings = micros.checked_ilog2().map_or(0, |log| log.saturating_sub(PER_DOUBLING.ilog2()));
    let bucket = u64::from(doublings) * PER_DOUBLING + (micros >> doublings);
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

fn upper_bound(bucket: u64) -> Duration {
    let doublings = (bucket / PER_DOUBLING).saturating_sub(1);
    let next = bucket - doublings * PER_DOUBLING + 1;
    Duration::from_micros(next.checked_shl(u32::try_from(doublings).unwrap_or(0)).unwrap_or(u64::MAX) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_its_bucket() {
        for micros in (0..100_000).chain([1 << 40, (1 << 40) + 12_345]) {
            let bucket = bucket(micros);
            let bound = upper_bound(bucket as u64);
            assert!(Duration::from_micros(micros) <= bound, "{micros} is above {bound:?}");
            assert!(
                bound.as_micros() <= u128::from(micros + micros / 16),
                "{bound:?} is too wide for {micros}"
            );
        }
    }

    #[test]
    fn percentiles_are_close() {
        let mut latencies = Latencies::default();
        (1..=100).for_each(|millis| latencies.record(Duration::from_millis(millis)));
        let p95 = latencies.percentile(95);
        assert!((95..=101).contains(&p95.as_millis()), "{p95:?}");
        assert_eq!(latencies.percentile(100), Duration::from_millis(100));
        assert_eq!(Latencies::default().percentile(95), Duration::ZERO);
        assert!((47..=50).contains(&latencies.above(Duration::from_millis(50))));
    }
}
