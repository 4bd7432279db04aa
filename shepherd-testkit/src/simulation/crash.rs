use std::time::Duration;

/// The process is killed, and another one goes on later.
///
/// ```
/// use std::time::Duration;
/// use shepherd_testkit::simulation::{Crash, Kept, Wire};
/// let crash = Crash::after_step(12).down_for(Duration::from_secs(40)).wire(Wire::Lands).kept(Kept::All);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crash {
    pub(super) step: u64,
    pub(super) down: Duration,
    pub(super) wire: Wire,
    pub(super) kept: Kept,
}

/// What becomes of the writes that the killed process had begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wire {
    /// They never arrive.
    Lost,
    /// They arrive, and nobody hears of it.
    Lands,
}

/// What the next process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    /// What had been saved: a state that was to be saved, and is not yet, is lost.
    Saved,
    /// Everything up to the kill.
    All,
}

impl Crash {
    /// A kill right after this step, counted from 1 over all processes. The next process begins at once, from what
    /// was saved, and what was on the wire is lost.
    pub fn after_step(step: u64) -> Self {
        Self { step, down: Duration::ZERO, wire: Wire::Lost, kept: Kept::Saved }
    }

    /// The same, with nobody driving for so long.
    #[must_use]
    pub fn down_for(mut self, time: Duration) -> Self {
        self.down = time;
        self
    }

    /// The same with this to become of the writes under way.
    #[must_use]
    pub fn wire(mut self, wire: Wire) -> Self {
        self.wire = wire;
        self
    }

    /// The same with this known afterwards.
    #[must_use]
    pub fn kept(mut self, kept: Kept) -> Self {
        self.kept = kept;
        self
    }
}
