//! What users got in the last second, as the proxy measured it.

use std::time::Duration;

use shepherd_core::model::Track;

use crate::ground::proxy::Recent;
use crate::ground::track::PerTrack;
use crate::world::World;

#[derive(Default)]
pub(crate) struct Traffic {
    tracks: PerTrack<Recent>,
    over: Duration,
}

impl Traffic {
    /// Since it was last taken, which was `over` ago.
    pub(crate) fn take(world: &World, over: Duration) -> Self {
        Self { tracks: world.recent(), over }
    }

    /// The candidate's share in percent; none without requests.
    pub(crate) fn share(&self) -> Option<f64> {
        percent(self.tracks.candidate.requests, self.requests())
    }

    pub(crate) fn per_second(&self) -> f64 {
        count(self.requests()) / self.over.as_secs_f64().max(0.001)
    }

    /// Failed requests of a track in percent, and its 95th percentile; none without requests.
    pub(crate) fn of(&self, track: Track) -> Option<(f64, Duration)> {
        let recent = match track {
            Track::Stable => &self.tracks.stable,
            Track::Candidate => &self.tracks.candidate,
        };
        Some((percent(recent.failed, recent.requests)?, recent.latencies.percentile(95)))
    }

    fn requests(&self) -> u64 {
        self.tracks.stable.requests + self.tracks.candidate.requests
    }
}

fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * count(part) / count(whole))
}

#[allow(clippy::cast_precision_loss, reason = "for people, who read three digits of it")]
fn count(requests: u64) -> f64 {
    requests as f64
}
