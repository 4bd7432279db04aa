use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::model::{Elapsed, Now, Timestamp};

/// Knows the hour. The only port that does; everything else is told.
///
/// # Contract
/// `elapsed` never goes back. `sleep` returns no earlier than asked, and may be dropped at any time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The hour, and the time since this clock was made.
    fn now(&self) -> Now;

    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock. Monotonic time is tokio's, so that a paused tokio runtime simulates it.
#[derive(Debug, Clone)]
pub struct SystemClock {
    began: tokio::time::Instant,
}

impl SystemClock {
    /// A clock that begins now.
    #[allow(clippy::disallowed_methods, reason = "the adapter of the Clock port")]
    pub fn new() -> Self {
        Self { began: tokio::time::Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the adapter of the Clock port")]
    fn now(&self) -> Now {
        Now { wall: Timestamp::from(SystemTime::now()), elapsed: Elapsed::from(self.began.elapsed()) }
    }

    #[allow(clippy::disallowed_methods, reason = "the adapter of the Clock port")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
