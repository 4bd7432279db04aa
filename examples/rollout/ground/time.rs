//! The one place of the ground that knows the hour.
//!
//! These servers stand for the world outside of Shepherd, and the world has its own clocks: a latency
//! is measured where it happens. What Shepherd does is timed by its `Clock` port alone.
#![allow(clippy::disallowed_methods, reason = "the world outside of Shepherd has clocks of its own")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) fn since_epoch() -> Duration {
    // A clock before 1970 is no reason to stop serving.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub(crate) async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

pub(crate) async fn sleep_until(instant: Instant) {
    tokio::time::sleep_until(instant.into()).await;
}
