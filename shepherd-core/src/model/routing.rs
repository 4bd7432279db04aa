use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Exposure, Mark, Weight, human_duration};

/// Where traffic goes, as the router itself tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// How users meet the candidate.
    pub exposure: Exposure,
    /// The mark of the write that made it so; none when nobody has marked it, or the router cannot hold marks.
    pub mark: Option<Mark>,
    /// Whether the data path already behaves so. A raise is done only then; taking traffic off never waits for it.
    pub in_effect: bool,
}

/// What a router can do. Plans are checked against it before anything happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RouterCapabilities {
    /// The finest difference between two weights; [`Weight::FULL`] for a router that only switches.
    pub finest_weight: Weight,
    /// Whether requests can be chosen by header or cookie.
    pub matches: bool,
    /// Whether requests can be copied.
    pub mirror: bool,
    /// Whether the router holds the mark with the split, in one write, and refuses what [`admit`](super::admit)
    /// refuses. Without it the driver repeats each off after raises in flight have resolved.
    pub fenced: bool,
    /// How long after a write reads back the data path may still behave as before, where the router cannot tell
    /// ([`Routing::in_effect`]). Zero where it can.
    #[serde(with = "human_duration")]
    pub settle: Duration,
}

impl RouterCapabilities {
    /// A router of exact weights that holds marks, and neither matches nor mirrors.
    pub const fn weighted() -> Self {
        Self {
            finest_weight: Weight::FINEST,
            matches: false,
            mirror: false,
            fenced: true,
            settle: Duration::ZERO,
        }
    }

    /// A router that sends all requests to one side or the other.
    pub const fn switching() -> Self {
        Self { finest_weight: Weight::FULL, ..Self::weighted() }
    }

    /// The same with the finest difference between two weights.
    #[must_use]
    pub const fn finest_weight(mut self, step: Weight) -> Self {
        self.finest_weight = step;
        self
    }

    /// The same, and it can choose requests by header or cookie.
    #[must_use]
    pub const fn with_matches(mut self) -> Self {
        self.matches = true;
        self
    }

    /// The same, and it can copy requests.
    #[must_use]
    pub const fn with_mirror(mut self) -> Self {
        self.mirror = true;
        self
    }

    /// The same, with how long a write may take to reach the data path unseen.
    #[must_use]
    pub const fn settling(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// The same, but it cannot hold marks.
    #[must_use]
    pub const fn unfenced(mut self) -> Self {
        self.fenced = false;
        self
    }
}
