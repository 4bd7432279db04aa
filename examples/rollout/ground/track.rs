//! The two tracks of a rollout.

use std::ops::{Index, IndexMut};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Track {
    Stable,
    #[default]
    Candidate,
}

impl Track {
    pub(crate) const BOTH: [Track; 2] = [Track::Stable, Track::Candidate];

    pub(crate) fn other(self) -> Self {
        match self {
            Track::Stable => Track::Candidate,
            Track::Candidate => Track::Stable,
        }
    }
}

/// One of something for each track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerTrack<T> {
    pub(crate) stable: T,
    pub(crate) candidate: T,
}

impl<T> Index<Track> for PerTrack<T> {
    type Output = T;

    fn index(&self, track: Track) -> &T {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }
}

impl<T> IndexMut<Track> for PerTrack<T> {
    fn index_mut(&mut self, track: Track) -> &mut T {
        match track {
            Track::Stable => &mut self.stable,
            Track::Candidate => &mut self.candidate,
        }
    }
}
