use std::collections::VecDeque;

use shepherd_core::model::{Elapsed, Exposure, Mark, Routing, Track};

/// Where traffic goes: what was accepted, and what the data path does already.
#[derive(Debug, Clone, Default)]
pub(super) struct Road {
    pub(super) accepted: Exposure,
    pub(super) effective: Exposure,
    /// Accepted, and not yet in effect.
    coming: VecDeque<(Elapsed, Exposure)>,
    pub(super) mark: Option<Mark>,
    /// The router has exchanged the roles, and the workload has not followed yet.
    pub(super) crossed: bool,
}

impl Road {
    pub(super) fn set(&mut self, exposure: Exposure, effective_at: Elapsed) {
        self.accepted = exposure.clone();
        self.coming.push_back((effective_at, exposure));
    }

    pub(super) fn next_change(&self) -> Option<Elapsed> {
        self.coming.front().map(|(at, _)| *at)
    }

    pub(super) fn take_effect(&mut self, now: Elapsed) {
        while let Some((_, exposure)) = self.coming.pop_front_if(|(at, _)| *at <= now) {
            self.effective = exposure;
        }
    }

    /// Takes the side that serves for stable, when all of the traffic is there. Users meet what they met before.
    pub(super) fn exchange(&mut self) {
        if self.accepted.is_all() && self.coming.is_empty() {
            self.accepted = Exposure::OFF;
            self.effective = Exposure::OFF;
            self.crossed = !self.crossed;
        }
    }

    /// What the router takes for the side that the workload calls `track`.
    pub(super) fn role_of(&self, track: Track) -> Track {
        if self.crossed { track.other() } else { track }
    }

    pub(super) fn routing(&self) -> Routing {
        Routing {
            exposure: self.accepted.clone(),
            mark: self.mark.clone(),
            in_effect: self.coming.is_empty(),
            awaits: None,
        }
    }
}
