use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Where a stage stands in its plan, counted from 0. Prints so, as in `stages[2]`; [`number`](Self::number) is how
/// people count.
///
/// ```
/// # use shepherd_core::model::StageIndex;
/// let third = StageIndex::new(2);
/// assert_eq!(format!("stages[{third}]"), "stages[2]");
/// assert_eq!(format!("stage {}", third.number()), "stage 3");
/// assert!(StageIndex::FIRST < third);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageIndex(u32);

impl StageIndex {
    /// The first stage of every plan.
    pub const FIRST: StageIndex = StageIndex(0);

    /// The stage behind so many others.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Of a place in a list of stages. No plan is so long that one does not fit.
    pub(crate) fn at(place: usize) -> Self {
        Self(u32::try_from(place).unwrap_or(u32::MAX))
    }

    /// How many stages come before it.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// As people count: the first stage is number 1.
    pub const fn number(self) -> NonZeroU32 {
        NonZeroU32::MIN.saturating_add(self.0)
    }

    /// The stage behind it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for StageIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<u32> for StageIndex {
    fn from(index: u32) -> Self {
        Self(index)
    }
}

impl From<StageIndex> for usize {
    /// Its place in [`Plan::stages`](crate::plan::Plan::stages).
    fn from(index: StageIndex) -> usize {
        index.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_count_from_one_and_lists_from_zero() {
        assert_eq!((StageIndex::FIRST.number().get(), usize::from(StageIndex::FIRST)), (1, 0));
        assert_eq!(StageIndex::at(4).next(), StageIndex::new(5));
        assert_eq!(StageIndex::new(u32::MAX).number(), NonZeroU32::MAX);
    }

    #[test]
    fn json_is_the_plain_number() {
        assert_eq!(serde_json::to_string(&StageIndex::new(7)).unwrap(), "7");
        assert_eq!(serde_json::from_str::<StageIndex>("7").unwrap(), StageIndex::new(7));
        assert!(serde_json::from_str::<StageIndex>("-1").is_err());
    }
}
