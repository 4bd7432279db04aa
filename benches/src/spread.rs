use std::fmt;
use std::time::Duration;

/// Times of the same thing, from the best to the worst.
#[derive(Debug, Clone)]
pub struct Spread(Vec<Duration>);

impl Spread {
    /// The spread of these times.
    ///
    /// # Panics
    /// When there are none.
    pub fn of(mut times: Vec<Duration>) -> Self {
        assert!(!times.is_empty(), "nothing was measured");
        times.sort_unstable();
        Self(times)
    }

    /// The time that this share of all does not exceed: the nearest rank.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |share| format!("{:.1?}", self.quantile(share));
        let (best, p50, p99, worst) = (show(0.0), show(0.5), show(0.99), show(1.0));
        write!(f, "min {best:>8}   p50 {p50:>8}   p99 {p99:>8}   max {worst:>8}   of {}", self.0.len())
    }
}
