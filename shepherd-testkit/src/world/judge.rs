//! Whether a write that the world accepts should have been made.

use shepherd_core::model::{Exposure, Fence, Replicas, Route, Track, Traffic};

use super::{Violation, World, Write, Written, Wrong};

impl World {
    pub(super) fn log(&mut self, what: Written) {
        let fence = match &what {
            Written::RoutingClaimed(fence) | Written::WorkloadClaimed(fence) => fence,
            Written::Route { route, .. } => &route.mark.fence,
            Written::Deploy { mark, .. } => &mark.fence,
        };
        if self.newest.as_ref().is_none_or(|newest| newest.epoch < fence.epoch) {
            self.newest = Some(fence.clone());
        }
        self.writes.push(Write { at: self.now, what });
    }

    pub(super) fn judge_route(&mut self, before: &Exposure, route: &Route) {
        let raises = route.exposure.raises(before);
        if raises {
            self.judge_raise(route);
        }
        for track in Track::BOTH {
            if self.share_of(track, &route.exposure) > self.share_of(track, before) {
                self.judge_capacity(track, route);
            }
        }
        if route.mark.traffic == Traffic::Off {
            self.taken_off.insert(route.mark.fence.rollout.clone());
        }
    }

    fn judge_raise(&mut self, route: &Route) {
        let by = &route.mark.fence;
        if self.taken_off.contains(&by.rollout) {
            self.wrong(Wrong::RaisedAfterOff { exposure: route.exposure.clone() });
        }
        let later = |newest: &&Fence| newest.epoch > by.epoch;
        if let Some(after) = self.newest.as_ref().filter(later).cloned() {
            self.wrong(Wrong::StaleRaise { by: by.clone(), after });
        }
    }

    fn judge_capacity(&mut self, track: Track, route: &Route) {
        let needed = self.needed_for(self.share_of(track, &route.exposure));
        let (now, grace) = (self.now, self.grace);
        let ready = Replicas::new(self.history_mut(track).most(now, grace));
        if ready < needed {
            let off = route.mark.traffic == Traffic::Off && ready > Replicas::ZERO;
            let revision = self.side(track).revision.clone();
            self.wrong(Wrong::NoCapacity { track, revision, ready, needed, off });
        }
    }

    /// For each track, how many replicas take requests and how many its present traffic needs.
    pub(super) fn spare(&self) -> [(Replicas, Replicas); 2] {
        let ready = Track::BOTH
            .map(|track| Replicas::new(u32::try_from(self.side(track).ready(self.now)).unwrap_or(u32::MAX)));
        if self.router.is_none() {
            let all = Replicas::new(ready[0].get() + ready[1].get());
            return [(all, self.needed_for(1.0)); 2];
        }
        let needed = Track::BOTH.map(|track| self.needed_for(self.share_of(track, &self.road.effective)));
        [(ready[0], needed[0]), (ready[1], needed[1])]
    }

    /// What lacked before is not the write's doing.
    pub(super) fn judge_deploy(&mut self, track: Track, before: [(Replicas, Replicas); 2]) {
        let nth = Track::BOTH.iter().position(|one| *one == track).unwrap_or_default();
        let ((ready, needed), (ready_before, _)) = (self.spare()[nth], before[nth]);
        if ready < needed && ready < ready_before {
            self.wrong(Wrong::TakesCapacity { track, ready, needed });
        }
    }

    fn wrong(&mut self, what: Wrong) {
        self.violations.push(Violation { at: self.now, write: self.writes.len(), what });
    }
}
