use std::fmt;
use std::ops::{Add, Sub};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// The hour on the wall, in milliseconds since 1970 (UTC). For people, logs and windows; never for measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(u64);

/// Time since some fixed beginning, in milliseconds, that only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Elapsed(u64);

/// The time of a step, told by the caller: the machine never asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// What the clock on the wall says; it may jump.
    pub wall: Timestamp,
    /// How long the driving process has been at it, by a monotonic clock.
    pub elapsed: Elapsed,
}

impl Timestamp {
    /// From milliseconds since 1970 (UTC).
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970 (UTC).
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self(millis(since))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, later: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(millis(later)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, such as `2026-11-21T02:12:18.250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.0)) {
            // humantime prints years up to 9999 and panics on none, but refuses what lies beyond.
            Some(time) if self.0 < 253_402_300_800_000 => humantime::format_rfc3339_millis(time).fmt(f),
            _ => write!(f, "{} ms after 1970", self.0),
        }
    }
}

impl Elapsed {
    /// The beginning.
    pub const ZERO: Elapsed = Elapsed(0);

    /// From milliseconds since the beginning.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Elapsed) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Elapsed {
    type Output = Elapsed;
    fn add(self, later: Duration) -> Elapsed {
        Elapsed(self.0.saturating_add(millis(later)))
    }
}

impl Sub<Elapsed> for Elapsed {
    type Output = Duration;
    fn sub(self, earlier: Elapsed) -> Duration {
        self.since(earlier)
    }
}

impl From<Duration> for Elapsed {
    fn from(duration: Duration) -> Self {
        Self(millis(duration))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_prints_as_people_read_it() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert!(Timestamp::from_millis(u64::MAX).to_string().ends_with("after 1970"));
    }

    #[test]
    fn differences_never_run_backwards() {
        assert_eq!(Elapsed::from_millis(5).since(Elapsed::from_millis(9)), Duration::ZERO);
        assert_eq!(Elapsed::from_millis(5) + Duration::MAX, Elapsed::from_millis(u64::MAX));
    }
}
