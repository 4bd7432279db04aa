use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::ports::Clock;

use crate::conformance::Opened;

/// A clock for one promise.
#[async_trait]
pub trait ClockFixture: Send + Sync {
    /// The clock that is tried.
    type Clock: Clock;

    /// A clock.
    async fn open(&self) -> Opened<Self::Clock>;

    /// Lets so much time pass on this clock while somebody sleeps by it. A clock that goes by itself needs nothing.
    async fn pass(&self, clock: &Self::Clock, duration: Duration) {
        let _ = (clock, duration);
    }
}
