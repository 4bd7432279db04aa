//! Weights that are proportions of each other, as whole numbers.

use shepherd_core::model::Weight;

/// The largest weight that the Gateway API and Istio take.
const LARGEST: u64 = 1_000_000;

/// How much each backend of a rule gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proportions {
    pub(crate) stable: u64,
    pub(crate) candidate: u64,
    /// Of backends that are nobody's here; their shares of all requests stay.
    pub(crate) others: Vec<u64>,
}

impl Proportions {
    /// The candidate's share of what stable and candidate get together; none when both get nothing. What lies between
    /// two weights counts as the greater one, so that some traffic is never taken for none.
    pub(crate) fn weight(&self) -> Option<Weight> {
        let both = self.stable.checked_add(self.candidate).filter(|both| *both > 0)?;
        let full = u64::from(Weight::FULL.as_hundredths());
        let hundredths = self.candidate.checked_mul(full)?.div_ceil(both);
        Weight::hundredths(u32::try_from(hundredths).ok()?).ok()
    }

    /// The same with exactly this share for the candidate; none when the numbers would become too large, or there is
    /// nothing to share.
    pub(crate) fn with(&self, weight: Weight) -> Option<Self> {
        if weight.is_zero() && self.candidate == 0 {
            return Some(self.clone());
        }
        let full = u64::from(Weight::FULL.as_hundredths());
        let share = u64::from(weight.as_hundredths());
        let both = self.stable.checked_add(self.candidate).filter(|both| *both > 0)?;
        if self.candidate.checked_mul(full)? == share.checked_mul(both)? {
            return Some(self.clone());
        }
        if self.others.iter().all(|other| *other == 0) {
            // Percent read best.
            let both = if share.is_multiple_of(100) { 100 } else { full };
            let candidate = both * share / full;
            return Some(Self { stable: both - candidate, candidate, others: self.others.clone() });
        }
        let factor = full / common_divisor(full, both.checked_mul(share)?);
        let both = both.checked_mul(factor)?;
        let candidate = both.checked_mul(share)? / full;
        let others = self.others.iter().map(|other| other.checked_mul(factor)).collect::<Option<Vec<_>>>()?;
        let fits = both <= LARGEST && others.iter().all(|other| *other <= LARGEST);
        fits.then_some(Self { stable: both - candidate, candidate, others })
    }
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(stable: u64, candidate: u64, others: &[u64]) -> Proportions {
        Proportions { stable, candidate, others: others.to_vec() }
    }

    fn hundredths(hundredths: u32) -> Weight {
        Weight::hundredths(hundredths).unwrap()
    }

    #[test]
    fn two_backends_get_percent_where_that_is_exact() {
        assert_eq!(of(1, 0, &[]).with(hundredths(1000)), Some(of(90, 10, &[])));
        assert_eq!(of(90, 10, &[]).with(hundredths(1250)), Some(of(8750, 1250, &[])));
        assert_eq!(of(8750, 1250, &[]).with(Weight::ZERO), Some(of(100, 0, &[])));
    }

    #[test]
    fn what_is_so_already_stays_as_it_is_written() {
        assert_eq!(of(1, 0, &[]).with(Weight::ZERO), Some(of(1, 0, &[])));
        assert_eq!(of(3, 1, &[7]).with(hundredths(2500)), Some(of(3, 1, &[7])));
    }

    #[test]
    fn nothing_cannot_be_shared_and_what_is_too_large_is_not_written() {
        assert_eq!(of(0, 0, &[1]).with(hundredths(100)), None);
        assert_eq!(of(0, 0, &[1]).with(Weight::ZERO), Some(of(0, 0, &[1])));
        assert_eq!(of(999_983, 0, &[1]).with(hundredths(1)), None);
    }

    #[test]
    fn some_traffic_is_never_taken_for_none() {
        assert_eq!(of(999_999, 1, &[]).weight(), Some(hundredths(1)));
    }

    proptest! {
        #[test]
        fn the_share_is_exact_and_others_keep_theirs(
            (stable, candidate) in (0u64..50, 0u64..50),
            others in prop::collection::vec(0u64..100, 0..3),
            share in 0u32..=10_000,
        ) {
            let before = of(stable, candidate, &others);
            prop_assume!(stable + candidate > 0);
            let after = before.with(hundredths(share)).unwrap();
            prop_assert_eq!(after.candidate * 10_000, u64::from(share) * (after.stable + after.candidate));
            prop_assert_eq!(after.weight(), Some(hundredths(share)));
            let all = |p: &Proportions| p.stable + p.candidate + p.others.iter().sum::<u64>();
            for (old, new) in before.others.iter().zip(&after.others) {
                prop_assert_eq!(old * all(&after), new * all(&before));
            }
        }
    }
}
