use crate::model::{Generation, Mark, RolloutId, Routing, StageIndex, Track, WorkloadState};

/// What the marks outside tell of a rollout: the stage of its last write to the routes, and to each track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Told {
    routing: Option<StageIndex>,
    stable: Option<StageIndex>,
    candidate: Option<StageIndex>,
}

impl Told {
    pub(super) fn routing(self) -> Option<StageIndex> {
        self.routing
    }

    pub(super) fn track(self, track: Track) -> Option<StageIndex> {
        match track {
            Track::Stable => self.stable,
            Track::Candidate => self.candidate,
        }
    }

    /// The furthest of them.
    pub(super) fn furthest(self) -> Option<StageIndex> {
        [self.routing, self.stable, self.candidate].into_iter().flatten().max()
    }

    pub(super) fn hear_routing(&mut self, rollout: &RolloutId, routing: &Routing) {
        self.routing = written(rollout, routing.mark.as_ref());
    }

    pub(super) fn hear_workload(&mut self, rollout: &RolloutId, workload: &WorkloadState) {
        self.stable = written(rollout, workload.stable.mark.as_ref());
        self.candidate = written(rollout, workload.candidate.mark.as_ref());
    }
}

/// The stage of a write. A claim alone, from before the first decision, is none.
fn written(rollout: &RolloutId, mark: Option<&Mark>) -> Option<StageIndex> {
    mark.filter(|mark| mark.fence.rollout == *rollout && mark.generation > Generation::default())
        .map(|mark| mark.stage)
}
