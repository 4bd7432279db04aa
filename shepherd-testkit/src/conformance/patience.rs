use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use shepherd_core::ports::{Clock, SystemClock};

/// How long a suite waits for what a backend does in its own time, and by which clock. The default looks every 5 ms
/// for 10 s of the machine's own time; a simulated backend gives its simulated clock, a slow one a longer limit.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use shepherd_core::ports::SystemClock;
/// use shepherd_testkit::conformance::Patience;
/// let cluster = Patience::new(Arc::new(SystemClock::new()), Duration::from_secs(120));
/// ```
#[derive(Clone)]
pub struct Patience {
    clock: Arc<dyn Clock>,
    limit: Duration,
    beat: Duration,
}

impl Patience {
    /// Waits up to `limit` by this clock.
    pub fn new(clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self { clock, limit, beat: Duration::from_millis(5) }
    }

    /// The same with the time between two looks.
    #[must_use]
    pub fn looking_every(mut self, beat: Duration) -> Self {
        self.beat = beat;
        self
    }

    /// How long it waits.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Looks until there is an answer, or until the limit is over.
    pub(super) async fn until<T, E>(
        &self,
        mut look: impl AsyncFnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        let began = self.clock.now().elapsed;
        loop {
            if let Some(answer) = look().await? {
                return Ok(Some(answer));
            }
            if self.clock.now().elapsed - began >= self.limit {
                return Ok(None);
            }
            self.clock.sleep(self.beat).await;
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock::new()), Duration::from_secs(10))
    }
}

impl fmt::Debug for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience")
            .field("limit", &self.limit)
            .field("beat", &self.beat)
            .finish_non_exhaustive()
    }
}
