//! Which of the service's two sides is stable.

use serde::{Deserialize, Serialize};
use shepherd_core::model::Track;

use crate::ground::track as ground;
use crate::ground::track::PerTrack;

/// The sides of the ground keep their names, those of the first rollout. After a promotion by swap the roles are
/// exchanged instead, and nothing moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Roles {
    exchanged: bool,
}

impl Roles {
    #[must_use]
    pub(crate) fn exchanged(self) -> Self {
        Self { exchanged: !self.exchanged }
    }

    /// The side that has this role.
    pub(crate) fn side(self, track: Track) -> ground::Track {
        match if self.exchanged { track.other() } else { track } {
            Track::Stable => ground::Track::Stable,
            Track::Candidate => ground::Track::Candidate,
        }
    }

    /// What is known of each side, by its role.
    pub(crate) fn of<T>(self, sides: PerTrack<T>) -> PerTrack<T> {
        let PerTrack { stable, candidate } = sides;
        if self.exchanged {
            return PerTrack { stable: candidate, candidate: stable };
        }
        PerTrack { stable, candidate }
    }
}
