use std::time::Duration;

use shepherd_core::model::Reason;

use super::Curve;

/// How the replicas of a revision behave. A new one is well: ready after 2 s, answers within 20 ms (99 of 100 within
/// 60 ms), never fails.
///
/// ```
/// use std::time::Duration;
/// use shepherd_testkit::world::{Behaviour, Curve};
/// let failing = Behaviour::new().error_rate(0.2);
/// let leaking = Behaviour::new().latency(Curve::of(|moment| 0.02 + 0.001 * moment.age.as_secs_f64()));
/// let crashing = Behaviour::new().crashes_after_requests(500.0);
/// let missing = Behaviour::new().stuck("ErrImagePull: shop:v2 not found");
/// ```
#[derive(Debug, Clone)]
pub struct Behaviour {
    pub(super) start: StartUp,
    pub(super) error_rate: Curve,
    pub(super) latency: Curve,
    pub(super) tail: f64,
    pub(super) failed_checks: Curve,
    pub(super) crash: Option<Crash>,
}

#[derive(Debug, Clone)]
pub(super) enum StartUp {
    Ready(Duration),
    Never,
    Stuck(Reason),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Crash {
    AfterRequests(f64),
    AtAge(Duration),
}

impl Behaviour {
    /// A well one.
    pub fn new() -> Self {
        Self {
            start: StartUp::Ready(Duration::from_secs(2)),
            error_rate: 0.0.into(),
            latency: 0.02.into(),
            tail: 3.0,
            failed_checks: 0.0.into(),
            crash: None,
        }
    }

    /// The same, ready so long after it was started.
    #[must_use]
    pub fn start_up(mut self, time: Duration) -> Self {
        self.start = StartUp::Ready(time);
        self
    }

    /// The same, but it never becomes ready, and nobody says why.
    #[must_use]
    pub fn never_ready(mut self) -> Self {
        self.start = StartUp::Never;
        self
    }

    /// The same, but it never becomes ready, and the backend says why: an image that cannot be pulled, a missing
    /// volume.
    #[must_use]
    pub fn stuck(mut self, reason: impl Into<Reason>) -> Self {
        self.start = StartUp::Stuck(reason.into());
        self
    }

    /// The same, failing so large a part (0 to 1) of its requests.
    #[must_use]
    pub fn error_rate(mut self, rate: impl Into<Curve>) -> Self {
        self.error_rate = rate.into();
        self
    }

    /// The same, answering half of its requests within so many seconds.
    #[must_use]
    pub fn latency(mut self, median_seconds: impl Into<Curve>) -> Self {
        self.latency = median_seconds.into();
        self
    }

    /// The same, with 99 of 100 requests answered within so many times the median; more than 1.
    #[must_use]
    pub fn tail(mut self, times_the_median: f64) -> Self {
        self.tail = times_the_median.max(1.01);
        self
    }

    /// The same, failing so large a part (0 to 1) of its health checks.
    #[must_use]
    pub fn failed_checks(mut self, rate: impl Into<Curve>) -> Self {
        self.failed_checks = rate.into();
        self
    }

    /// The same, but each replica crashes after about so many requests, again and again.
    #[must_use]
    pub fn crashes_after_requests(mut self, requests: f64) -> Self {
        self.crash = Some(Crash::AfterRequests(requests.max(1.0)));
        self
    }

    /// The same, but each replica crashes about so long after it became ready, again and again.
    #[must_use]
    pub fn crashes_after(mut self, time: Duration) -> Self {
        self.crash = Some(Crash::AtAge(time));
        self
    }

    pub(super) fn moves(&self) -> bool {
        self.error_rate.moves() || self.latency.moves() || self.failed_checks.moves()
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::new()
    }
}
