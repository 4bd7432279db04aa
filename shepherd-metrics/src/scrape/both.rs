//! One of something for each track.

use shepherd_core::model::Track;

#[derive(Debug, Clone, Default)]
pub(crate) struct Both<T> {
    stable: T,
    candidate: T,
}

impl<T> Both<T> {
    pub(crate) fn from_fn(mut make: impl FnMut(Track) -> T) -> Self {
        Self { stable: make(Track::Stable), candidate: make(Track::Candidate) }
    }

    pub(crate) fn of(&self, track: Track) -> &T {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }

    pub(crate) fn of_mut(&mut self, track: Track) -> &mut T {
        match track {
            Track::Stable => &mut self.stable,
            Track::Candidate => &mut self.candidate,
        }
    }

    /// The one of `track`, then the other one.
    pub(crate) fn split(&self, track: Track) -> (&T, &T) {
        match track {
            Track::Stable => (&self.stable, &self.candidate),
            Track::Candidate => (&self.candidate, &self.stable),
        }
    }

    /// The one of `track`, then the other one.
    pub(crate) fn split_mut(&mut self, track: Track) -> (&mut T, &mut T) {
        match track {
            Track::Stable => (&mut self.stable, &mut self.candidate),
            Track::Candidate => (&mut self.candidate, &mut self.stable),
        }
    }
}
