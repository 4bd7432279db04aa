//! The only place here that asks the hour: what is measured is the real one.

use std::time::{Duration, Instant};

/// When something began.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins now.
    #[allow(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago it began.
    pub fn passed(self) -> Duration {
        self.0.elapsed()
    }

    /// How long after `earlier` it began.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}

/// How long the calling thread has been on a processor. Other processes of a busy machine do not count, as they do by
/// the clock on the wall. None where the system does not tell.
pub fn busy() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Whether the benchmark shall only show that it still runs: `cargo bench -- --test`.
pub fn is_test() -> bool {
    std::env::args().any(|argument| argument == "--test")
}
