use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::model::{Elapsed, Now, Timestamp};
use shepherd_core::ports::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

/// The hour at which every simulation begins: 2026-01-01, midnight UTC.
pub const DAWN: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// Simulated time. Clones tell the same time.
///
/// A [manual](Self::manual) clock stands still until it is [advanced](Self::advance). One that is
/// [paused with tokio](Self::paused) moves by itself to the next timer whenever everything waits, so that a whole
/// rollout under an async driver takes no time: run it under `#[tokio::test(start_paused = true)]`.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::{model::Elapsed, ports::Clock};
/// use shepherd_testkit::SimClock;
///
/// let clock = SimClock::manual();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().elapsed, Elapsed::from_millis(90_000));
/// ```
#[derive(Debug, Clone)]
pub struct SimClock {
    jumped: watch::Sender<Duration>,
    tokio: Option<Instant>,
}

impl SimClock {
    /// A clock that only [`advance`](Self::advance) moves.
    pub fn manual() -> Self {
        Self { jumped: watch::Sender::new(Duration::ZERO), tokio: None }
    }

    /// A clock that goes with the time of a paused tokio runtime, and can be [advanced](Self::advance) besides.
    #[allow(clippy::disallowed_methods, reason = "an adapter of the Clock port")]
    pub fn paused() -> Self {
        Self { tokio: Some(Instant::now()), ..Self::manual() }
    }

    /// Lets time pass at once, and wakes whoever slept until then.
    pub fn advance(&self, duration: Duration) {
        self.jumped.send_modify(|jumped| *jumped += duration);
    }

    fn elapsed(&self) -> Duration {
        *self.jumped.borrow() + self.tokio.map_or(Duration::ZERO, |began| began.elapsed())
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> Now {
        let elapsed = self.elapsed();
        Now { wall: DAWN + elapsed, elapsed: Elapsed::from(elapsed) }
    }

    #[allow(clippy::disallowed_methods, reason = "an adapter of the Clock port")]
    async fn sleep(&self, duration: Duration) {
        let until = self.elapsed() + duration;
        let mut jumps = self.jumped.subscribe();
        while let Some(left) = until.checked_sub(self.elapsed()).filter(|left| !left.is_zero()) {
            // The sender lives as long as this clock, so a jump can always come.
            if self.tokio.is_some() {
                tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    _ = jumps.changed() => {}
                }
            } else if jumps.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_sleepers_when_their_time_has_come() {
        let clock = SimClock::manual();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(10)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(1));
        sleeper.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_moves_by_itself() {
        let clock = SimClock::paused();
        clock.sleep(Duration::from_hours(1)).await;
        assert_eq!(clock.now().elapsed, Elapsed::from_millis(3_600_000));
    }
}
