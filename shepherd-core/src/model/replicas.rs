use std::fmt;

use serde::{Deserialize, Serialize};

use super::Weight;

/// A number of replicas of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Replicas(u32);

impl Replicas {
    /// None.
    pub const ZERO: Replicas = Replicas(0);

    /// So many.
    pub const fn new(count: u32) -> Self {
        Self(count)
    }

    /// The count.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// How many of these are needed to serve `weight` of the traffic, rounded up: any traffic needs one.
    ///
    /// ```
    /// # use shepherd_core::model::{Replicas, Weight};
    /// assert_eq!(Replicas::new(4).for_weight(Weight::percent(10)?), Replicas::new(1));
    /// assert_eq!(Replicas::new(4).for_weight(Weight::ZERO), Replicas::ZERO);
    /// # Ok::<(), shepherd_core::model::WeightError>(())
    /// ```
    #[must_use]
    pub fn for_weight(self, weight: Weight) -> Self {
        let full = u64::from(Weight::FULL.as_hundredths());
        let needed = (u64::from(self.0) * u64::from(weight.as_hundredths())).div_ceil(full);
        Self(u32::try_from(needed).unwrap_or(self.0))
    }
}

impl fmt::Display for Replicas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u32> for Replicas {
    fn from(count: u32) -> Self {
        Self(count)
    }
}
