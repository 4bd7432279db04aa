use async_trait::async_trait;
use shepherd_core::model::{Fence, Mark, Replicas, Revision, Track, TrackSpec, TrackState, WorkloadState};
use shepherd_core::ports::{PortError, Workload};

use super::Script;

/// A [`Workload`] that answers as told. It fences nothing.
#[derive(Debug, Clone)]
pub struct ScriptedWorkload {
    stable: (Revision, Replicas),
    /// The claims.
    pub claims: Script<Fence, ()>,
    /// The writes.
    pub deploys: Script<(TrackSpec, Mark), ()>,
    /// The looks; usually at what was applied last, all of it ready.
    pub looks: Script<(), WorkloadState>,
}

impl ScriptedWorkload {
    /// One whose stable track serves this.
    pub fn serving(stable: Revision, replicas: Replicas) -> Self {
        Self {
            stable: (stable, replicas),
            claims: Script::default(),
            deploys: Script::default(),
            looks: Script::default(),
        }
    }

    fn last(&self) -> WorkloadState {
        let deploys = self.deploys.asked();
        let track = |track: Track| {
            let last = deploys.iter().rev().find(|(spec, _)| spec.track == track)?;
            Some(state(last.0.revision.clone(), last.0.replicas, Some(last.1.clone())))
        };
        WorkloadState {
            stable: track(Track::Stable).unwrap_or_else(|| state(self.stable.0.clone(), self.stable.1, None)),
            candidate: track(Track::Candidate).unwrap_or_default(),
        }
    }
}

fn state(revision: Revision, replicas: Replicas, mark: Option<Mark>) -> TrackState {
    TrackState { revision: Some(revision), desired: replicas, ready: replicas, mark, ..TrackState::default() }
}

#[async_trait]
impl Workload for ScriptedWorkload {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        Ok(self.claims.answer(fence.clone(), || ())?)
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        Ok(self.deploys.answer((spec.clone(), mark.clone()), || ())?)
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        Ok(self.looks.answer((), || self.last())?)
    }
}
