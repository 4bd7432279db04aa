//! How many replicas of which template one object must run, so that both tracks have what they were asked to have.

use serde::{Deserialize, Serialize};
use shepherd_core::model::Track;

/// How many replicas each track was asked to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) stable: u32,
    pub(super) candidate: u32,
}

/// Which way the replicas go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// From stable to the candidate.
    #[default]
    Forward,
    /// From the candidate to stable.
    Back,
}

/// What the object runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One track alone, in an object like any other.
    One(Track),
    /// Both.
    Both(Both),
}

/// The object's template is that of the track that comes; of the one that goes some are left. Together they are never
/// fewer than the object shall have: a controller would fill up with the new template what is missing. So those that
/// go wait for those that come, and never more come than were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Both {
    pub(super) coming: Track,
    pub(super) come: u32,
    pub(super) left: u32,
}

impl Wanted {
    /// What an object of `all` replicas runs for this.
    pub(super) fn shape(self, all: u32, way: Way) -> Shape {
        let (coming, come, going) = match way {
            Way::Forward => (Track::Candidate, self.candidate, self.stable),
            Way::Back => (Track::Stable, self.stable, self.candidate),
        };
        if self.candidate == 0 {
            return Shape::One(Track::Stable);
        }
        // Of an object without replicas only the template says anything.
        if self.stable == 0 || all == 0 {
            return Shape::One(if self.stable == 0 { Track::Candidate } else { coming });
        }
        let come = come.min(all);
        Shape::Both(Both { coming, come, left: going.max(all - come).min(all) })
    }
}

impl Shape {
    /// Whose template the object has.
    pub(super) fn template(self) -> Track {
        match self {
            Self::One(track) | Self::Both(Both { coming: track, .. }) => track,
        }
    }
}

impl Both {
    /// How many more there are than the object shall have.
    pub(super) fn surge(self, all: u32) -> u32 {
        (self.come + self.left).saturating_sub(all)
    }

    /// How many of them need not be of what was there before.
    pub(super) fn unavailable(self, all: u32) -> u32 {
        all.saturating_sub(self.left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(stable: u32, candidate: u32, all: u32, way: Way) -> (Track, u32, u32, u32, u32) {
        match (Wanted { stable, candidate }).shape(all, way) {
            Shape::Both(both) => (both.coming, both.come, both.left, both.unavailable(all), both.surge(all)),
            shape @ Shape::One(_) => panic!("{stable} and {candidate} of {all}: {shape:?}"),
        }
    }

    #[test]
    fn batches_with_one_more_are_made_of_these_numbers() {
        // Stable, candidate; maxUnavailable, maxSurge.
        let batches =
            [((10, 1), (0, 1)), ((9, 2), (1, 1)), ((7, 4), (3, 1)), ((5, 6), (5, 1)), ((1, 10), (9, 1))];
        for ((stable, candidate), (unavailable, surge)) in batches {
            let made = (Track::Candidate, candidate, stable, unavailable, surge);
            assert_eq!(both(stable, candidate, 10, Way::Forward), made);
            let back = (Track::Stable, candidate, stable, unavailable, surge);
            assert_eq!(both(candidate, stable, 10, Way::Back), back, "the same with roles exchanged");
        }
    }

    #[test]
    fn what_goes_waits_for_what_comes() {
        // Stable, candidate; of which so many come and so many are left.
        for ((stable, candidate), (come, left)) in
            [((7, 3), (3, 7)), ((4, 3), (3, 7)), ((4, 6), (6, 4)), ((1, 6), (6, 4))]
        {
            assert_eq!(both(stable, candidate, 10, Way::Forward), (Track::Candidate, come, left, come, 0));
            assert_eq!(both(candidate, stable, 10, Way::Back), (Track::Stable, come, left, come, 0));
        }
        let none = Wanted { stable: 7, candidate: 0 };
        assert_eq!(none.shape(10, Way::Forward), Shape::One(Track::Stable));
    }

    #[test]
    fn a_track_that_is_alone_has_the_object_for_itself() {
        for (stable, candidate, all, way, alone) in [
            (10, 0, 10, Way::Forward, Track::Stable),
            (10, 0, 10, Way::Back, Track::Stable),
            (0, 10, 10, Way::Forward, Track::Candidate),
            (0, 9, 10, Way::Back, Track::Candidate),
            (1, 1, 0, Way::Forward, Track::Candidate),
            (1, 1, 0, Way::Back, Track::Stable),
        ] {
            assert_eq!(Wanted { stable, candidate }.shape(all, way), Shape::One(alone));
        }
    }

    proptest! {
        #[test]
        fn never_fewer_together_than_all_and_never_more_come_than_asked(
            stable in 0u32..30, candidate in 0u32..30, all in 0u32..30, back: bool,
        ) {
            let way = if back { Way::Back } else { Way::Forward };
            if let Shape::Both(both) = (Wanted { stable, candidate }).shape(all, way) {
                prop_assert!(both.come + both.left >= all);
                let (coming, going) = if back { (stable, candidate) } else { (candidate, stable) };
                prop_assert!(both.come <= coming && both.left >= going.min(all));
                // The API takes no update that may neither surge nor fall short.
                prop_assert!(both.surge(all) + both.unavailable(all) > 0);
            }
        }
    }
}
