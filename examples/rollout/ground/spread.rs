//! Choices that are spread evenly without chance.

/// 2^64 divided by the golden ratio: its multiples fill any range as evenly as a sequence can.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The `nth` value of a sequence over `0..out_of` in which every part of the range gets its share
/// early on, so that 10% of 100 requests are ten of them and not "six to fourteen".
///
/// It does not fall into step with anything periodic, such as every tenth request carrying a header,
/// as counting up to `out_of` would.
pub(crate) fn spread(nth: u64, out_of: u32) -> u64 {
    ((nth.wrapping_mul(GOLDEN) >> 32) * u64::from(out_of)) >> 32
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn every_share_is_met_to_within_a_few_requests() {
        for share in [1, 100, 1000, 2500, 5000, 9999] {
            let chosen = (0..10_000).filter(|&nth| spread(nth, 10_000) < share).count() as u64;
            assert!(chosen.abs_diff(share) <= 3, "{chosen} instead of {share}");
        }
    }

    #[test]
    fn a_share_of_every_tenth_request_is_still_that_share() {
        let chosen = (0..10_000).step_by(10).filter(|&nth| spread(nth, 10_000) < 1000).count();
        assert!(chosen.abs_diff(100) <= 3, "{chosen} instead of 100");
    }
}
