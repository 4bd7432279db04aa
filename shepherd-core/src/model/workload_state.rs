use serde::{Deserialize, Serialize};

use super::{Mark, Reason, Replicas, Revision, Track};

/// What a track is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrackState {
    /// The revision that the track is meant to run; none when nothing was ever deployed there.
    pub revision: Option<Revision>,
    /// How many replicas it is meant to have.
    pub desired: Replicas,
    /// How many replicas *of that revision* take requests now. Replicas of another revision do not count.
    pub ready: Replicas,
    /// Why it will not become ready by itself (crash loop, image cannot be pulled), in the backend's own words.
    pub failing: Option<Reason>,
    /// What it waits for that others will do in their own time, such as an owner who ships the revision. People are told,
    /// and neither a promotion nor a way back ends before: replicas that are ready now may be about to be replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaits: Option<Reason>,
    /// How many more are ready and take no requests, since nothing sends to them. People are told, and nothing is decided
    /// by it.
    #[serde(default)]
    pub unreached: Replicas,
    /// The mark of the write that made it so; none when nobody has marked it, or the backend cannot hold marks.
    #[serde(default)]
    pub mark: Option<Mark>,
}

/// What both tracks are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorkloadState {
    /// The side that served before.
    pub stable: TrackState,
    /// The side that the new revision comes up on.
    pub candidate: TrackState,
}

impl WorkloadState {
    /// One side of it.
    pub fn track(&self, track: Track) -> &TrackState {
        match track {
            Track::Stable => &self.stable,
            Track::Candidate => &self.candidate,
        }
    }
}

impl TrackState {
    /// How many replicas of `revision` take requests now.
    pub fn ready_of(&self, revision: &Revision) -> Replicas {
        if self.revision.as_ref() == Some(revision) { self.ready } else { Replicas::ZERO }
    }
}
