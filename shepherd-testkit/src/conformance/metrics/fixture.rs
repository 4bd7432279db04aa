use async_trait::async_trait;
use shepherd_core::model::{Metric, Track};
use shepherd_core::ports::MetricsSource;

use crate::conformance::{Opened, Patience};

/// A service of its own for one promise, and sources that measure it. Cleans up when dropped.
#[async_trait]
pub trait MetricsFixture: Send + Sync {
    /// The source that is tried.
    type Source: MetricsSource;

    /// A source that measures this service; a further one is what another process would measure with.
    async fn open(&self) -> Opened<Self::Source>;

    /// Lets a side serve so many requests, of which so many fail, and returns when a source can see them.
    async fn serve(&self, track: Track, requests: u32, failed: u32) -> Opened<()>;

    /// How long a passing failure may last.
    fn patience(&self) -> Patience {
        Patience::default()
    }

    /// The share that [`serve`](Self::serve) moves: `error_rate`, `availability`, or a query for failed requests of
    /// all requests. None for a source of plain numbers only, such as CPU and memory; the suite then holds it to
    /// supporting neither of the two.
    fn share(&self) -> Option<Metric> {
        Some(Metric::ErrorRate)
    }
}
