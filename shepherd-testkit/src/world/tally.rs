use std::ops::AddAssign;

/// Requests of users, and how many of them failed. Fractions are kept: a load of 0.5 a second for a second is half a
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// All of them.
    pub requests: f64,
    /// Those that failed.
    pub failed: f64,
}

/// Less than this is rounding.
const NOTHING: f64 = 1e-6;

impl Tally {
    /// All requests, to the nearest whole one.
    pub fn requests(&self) -> u64 {
        whole(self.requests.round())
    }

    /// Failed requests, rounded up: zero is said only when none failed.
    pub fn failed(&self) -> u64 {
        whole((self.failed - NOTHING).ceil())
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
fn whole(count: f64) -> u64 {
    count as u64
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
    }
}
