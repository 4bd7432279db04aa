//! A value that only grows until its process restarts.

/// Counts at or below each upper edge, as a histogram has them.
///
/// A counter is the same thing with a single edge at infinity, which spares it rules of its own.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cumulative {
    /// Ascending, the last one infinite.
    edges: Box<[f64]>,
    counts: Box<[f64]>,
}

impl Cumulative {
    /// None for what is no histogram: the infinite edge is missing, or a count is infinite, negative or not a number.
    pub(crate) fn histogram(mut buckets: Vec<(f64, f64)>) -> Option<Self> {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        // A bucket that is given twice counts once, the first one.
        buckets.dedup_by(|later, first| same(later.0, first.0));
        let sound = buckets.iter().all(|(edge, count)| !edge.is_nan() && count.is_finite() && *count >= 0.0);
        let closed = buckets.last().is_some_and(|(edge, _)| same(*edge, f64::INFINITY));
        let (edges, counts): (Vec<_>, Vec<_>) = buckets.into_iter().unzip();
        (sound && closed).then(|| Self { edges: edges.into(), counts: counts.into() })
    }

    pub(crate) fn zero_like(&self) -> Self {
        Self { edges: self.edges.clone(), counts: self.counts.iter().map(|_| 0.0).collect() }
    }

    /// All that was counted.
    pub(crate) fn total(&self) -> f64 {
        self.counts.last().copied().unwrap_or(0.0)
    }

    pub(crate) fn buckets(&self) -> impl Iterator<Item = (f64, f64)> {
        self.edges.iter().copied().zip(self.counts.iter().copied())
    }

    pub(crate) fn has_edges_of(&self, other: &Self) -> bool {
        self.edges.len() == other.edges.len()
            && self.edges.iter().zip(&other.edges).all(|(a, b)| same(*a, *b))
    }

    /// Whether the process began anew since `earlier`: something shrank, or is counted in other buckets.
    pub(crate) fn was_reset_since(&self, earlier: &Self) -> bool {
        !self.has_edges_of(earlier) || self.counts.iter().zip(&earlier.counts).any(|(now, then)| now < then)
    }

    /// What was counted since `earlier`. After a reset that is all there is.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        if self.was_reset_since(earlier) {
            return self.clone();
        }
        let counts = self.counts.iter().zip(&earlier.counts).map(|(now, then)| now - then).collect();
        Self { edges: self.edges.clone(), counts }
    }

    /// Adds what was counted in the same buckets.
    pub(crate) fn add(&mut self, more: &Self) {
        debug_assert!(self.has_edges_of(more), "only equal buckets add up");
        for (count, more) in self.counts.iter_mut().zip(&more.counts) {
            *count += more;
        }
    }

    /// The same counts at the edges that `other` has, too. Exact, because a cumulative count does not depend on the
    /// edges around it; only resolution is lost.
    pub(crate) fn at_edges_of(&self, other: &Self) -> Self {
        let shared = self.buckets().filter(|(edge, _)| other.edges.iter().any(|known| same(*edge, *known)));
        let (edges, counts): (Vec<_>, Vec<_>) = shared.unzip();
        Self { edges: edges.into(), counts: counts.into() }
    }
}

/// Edges are written by the same code on every pod, so they are equal to the last bit or they are different edges.
#[allow(clippy::float_cmp)]
fn same(a: f64, b: f64) -> bool {
    a == b
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn histogram(buckets: &[(f64, f64)]) -> Cumulative {
        Cumulative::histogram(buckets.to_vec()).unwrap()
    }

    fn counter(value: f64) -> Cumulative {
        histogram(&[(INF, value)])
    }

    #[test]
    fn what_is_no_count_is_no_counter() {
        for value in [f64::NAN, INF, -INF, -1.0] {
            assert_eq!(Cumulative::histogram(vec![(INF, value)]), None);
        }
    }

    #[test]
    fn a_histogram_needs_its_infinite_edge_and_sound_counts() {
        assert_eq!(Cumulative::histogram(vec![(0.1, 1.0), (1.0, 2.0)]), None);
        assert_eq!(Cumulative::histogram(vec![(0.1, f64::NAN), (INF, 2.0)]), None);
        assert_eq!(Cumulative::histogram(vec![(f64::NAN, 1.0), (INF, 2.0)]), None);
        assert_eq!(Cumulative::histogram(vec![]), None);
    }

    #[test]
    fn a_bucket_given_twice_counts_once() {
        assert_eq!(histogram(&[(INF, 3.0), (0.1, 1.0), (0.1, 9.0)]), histogram(&[(0.1, 1.0), (INF, 3.0)]));
    }

    #[test]
    fn growth_is_the_difference_and_a_drop_is_all_there_is() {
        assert_eq!(counter(12.0).since(&counter(5.0)), counter(7.0));
        assert_eq!(counter(5.0).since(&counter(5.0)), counter(0.0));
        assert_eq!(counter(3.0).since(&counter(5.0)), counter(3.0));
    }

    #[test]
    fn one_shrunk_bucket_resets_the_whole_histogram() {
        let before = histogram(&[(0.1, 5.0), (INF, 6.0)]);
        let after = histogram(&[(0.1, 2.0), (INF, 8.0)]);
        assert_eq!(after.since(&before), after);
    }

    #[test]
    fn other_edges_are_a_reset() {
        let before = histogram(&[(0.1, 5.0), (INF, 6.0)]);
        let after = histogram(&[(0.2, 7.0), (INF, 8.0)]);
        assert_eq!(after.since(&before), after);
    }

    #[test]
    fn shared_edges_keep_their_counts() {
        let fine = histogram(&[(0.1, 1.0), (0.5, 2.0), (1.0, 3.0), (INF, 4.0)]);
        let coarse = histogram(&[(0.5, 9.0), (INF, 9.0)]);
        assert_eq!(fine.at_edges_of(&coarse), histogram(&[(0.5, 2.0), (INF, 4.0)]));
    }
}
