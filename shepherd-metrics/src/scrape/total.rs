//! What all series of a selector have counted together.

use super::cumulative::Cumulative;

/// A running sum that only grows, one per set of bucket edges that was seen.
///
/// It has an entry as soon as a series was seen, even if nothing was counted: "no such series" and "nothing happened"
/// are different answers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Total {
    layouts: Vec<Cumulative>,
}

impl Total {
    pub(crate) fn add(&mut self, growth: &Cumulative) {
        match self.layouts.iter_mut().find(|known| known.has_edges_of(growth)) {
            Some(known) => known.add(growth),
            None => self.layouts.push(growth.clone()),
        }
    }

    /// What was added since `earlier`, a copy of this total from another time.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let grown = |now: &Cumulative| match earlier.layouts.iter().find(|then| then.has_edges_of(now)) {
            Some(then) => now.since(then),
            None => now.clone(),
        };
        Self { layouts: self.layouts.iter().map(grown).collect() }
    }

    /// All of it in one, at the edges that everything has in common. None if no series was ever seen.
    pub(crate) fn merged(&self) -> Option<Cumulative> {
        let first = self.layouts.first()?;
        // Layouts of pods that are gone must not coarsen the answer of those that are there.
        let mut busy = self.layouts.iter().filter(|layout| layout.total() > 0.0);
        let Some(start) = busy.next() else { return Some(first.clone()) };
        Some(busy.fold(start.clone(), |sum, next| {
            let mut shared = sum.at_edges_of(next);
            shared.add(&next.at_edges_of(&shared));
            shared
        }))
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    fn histogram(buckets: &[(f64, f64)]) -> Cumulative {
        Cumulative::histogram(buckets.to_vec()).unwrap()
    }

    fn total(parts: &[Cumulative]) -> Total {
        let mut total = Total::default();
        for part in parts {
            total.add(part);
        }
        total
    }

    #[test]
    fn equal_edges_add_up() {
        let sum = total(&[histogram(&[(0.1, 1.0), (INF, 2.0)]), histogram(&[(0.1, 10.0), (INF, 20.0)])]);
        assert_eq!(sum.merged(), Some(histogram(&[(0.1, 11.0), (INF, 22.0)])));
    }

    #[test]
    fn unequal_edges_add_up_where_they_agree() {
        let sum = total(&[
            histogram(&[(0.1, 1.0), (0.5, 2.0), (INF, 3.0)]),
            histogram(&[(0.1, 10.0), (0.7, 20.0), (INF, 30.0)]),
        ]);
        assert_eq!(sum.merged(), Some(histogram(&[(0.1, 11.0), (INF, 33.0)])));
    }

    #[test]
    fn a_layout_that_counted_nothing_costs_no_resolution() {
        let before = total(&[histogram(&[(0.1, 1.0), (INF, 3.0)])]);
        let mut after = before.clone();
        after.add(&histogram(&[(0.2, 5.0), (INF, 6.0)]));
        assert_eq!(after.since(&before).merged(), Some(histogram(&[(0.2, 5.0), (INF, 6.0)])));
    }

    #[test]
    fn nothing_seen_is_not_nothing_counted() {
        assert_eq!(Total::default().merged(), None);
        let quiet = histogram(&[(INF, 0.0)]);
        assert_eq!(total(std::slice::from_ref(&quiet)).merged(), Some(quiet));
    }
}
