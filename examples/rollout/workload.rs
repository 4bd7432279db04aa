//! The pool of servers as a workload of Shepherd.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shepherd_core::model::{
    Fence, Mark, Reason, Replicas, Revision, Track, TrackSpec, TrackState, Traffic, WorkloadState,
};
use shepherd_core::ports::{PortError, Workload};

use crate::ground::pool::{Pool, Wanted};
use crate::ground::track as ground;
use crate::kept::{Kept, KeptError};
use crate::stopwatch::Stopwatch;

/// Clones manage the same servers.
#[derive(Clone)]
pub(crate) struct Servers(Arc<Shared>);

struct Shared {
    pool: Arc<Pool>,
    kept: Kept<Deployed>,
    /// Where no router takes part, traffic is off when the last server is.
    stopwatch: Option<Arc<Stopwatch>>,
}

/// What shall run, and who said so; kept as a manager of servers would keep it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployed {
    stable: Side,
    candidate: Side,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Side {
    /// None until something was deployed there.
    revision: Option<Revision>,
    replicas: u32,
    mark: Option<Mark>,
}

impl Servers {
    /// Brings up what was deployed before, or `replicas` of `revision` on stable when nothing was.
    pub(crate) fn open(
        directory: Option<&Path>,
        pool: Arc<Pool>,
        (revision, replicas): (Revision, u32),
        stopwatch: Option<Arc<Stopwatch>>,
    ) -> Result<Self, KeptError> {
        let stable = Side { revision: Some(revision), replicas, mark: None };
        let initial = Deployed { stable, candidate: Side::default() };
        let kept = Kept::open(directory.map(|path| path.join("servers.json")), initial)?;
        deploy(&pool, &kept.get());
        Ok(Self(Arc::new(Shared { pool, kept, stopwatch })))
    }

    /// Keeps the servers as they are, before anything is done to them.
    pub(crate) fn keep(&self) -> Result<(), KeptError> {
        self.0.kept.keep()
    }

    fn state(&self, track: Track, side: Side) -> TrackState {
        let status = self.0.pool.observe(ground(track));
        TrackState {
            revision: side.revision,
            desired: Replicas::new(side.replicas),
            ready: Replicas::new(u32::try_from(status.ready).unwrap_or(u32::MAX)),
            failing: status.failing.map(Reason::new),
            mark: side.mark,
        }
    }

    fn change(
        &self,
        traffic: Traffic,
        decide: impl FnOnce(&Deployed) -> Result<Deployed, PortError>,
    ) -> Result<(), PortError> {
        let effect = |deployed: &Deployed| deploy(&self.0.pool, deployed);
        // The way back does not wait for the disk.
        match traffic {
            Traffic::Off => self.0.kept.change_at_once(decide, effect),
            Traffic::On => self.0.kept.change(decide, effect),
        }
    }
}

#[async_trait]
impl Workload for Servers {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.change(Traffic::On, |deployed| {
            let mut new = deployed.clone();
            for track in Track::BOTH {
                let side = new.side_mut(track);
                side.mark = Some(Mark::claimed(side.mark.as_ref(), fence)?);
            }
            Ok(new)
        })
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        self.change(mark.traffic, |deployed| {
            let mut new = deployed.clone();
            let side = new.side_mut(spec.track);
            mark.admit(side.mark.as_ref())?;
            let (revision, replicas) = (Some(spec.revision.clone()), spec.replicas.get());
            *side = Side { revision, replicas, mark: Some(mark.clone()) };
            Ok(new)
        })?;
        let off =
            spec.track == Track::Candidate && spec.replicas == Replicas::ZERO && mark.traffic == Traffic::Off;
        self.0.stopwatch.iter().filter(|_| off).for_each(|stopwatch| stopwatch.taken_off());
        Ok(())
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        let Deployed { stable, candidate } = self.0.kept.get();
        Ok(WorkloadState {
            stable: self.state(Track::Stable, stable),
            candidate: self.state(Track::Candidate, candidate),
        })
    }
}

impl Deployed {
    fn side_mut(&mut self, track: Track) -> &mut Side {
        match track {
            Track::Stable => &mut self.stable,
            Track::Candidate => &mut self.candidate,
        }
    }
}

fn deploy(pool: &Pool, deployed: &Deployed) {
    for (track, side) in [(Track::Stable, &deployed.stable), (Track::Candidate, &deployed.candidate)] {
        if let Some(revision) = &side.revision {
            let replicas = usize::try_from(side.replicas).unwrap_or(usize::MAX);
            pool.set(ground(track), Wanted { revision: revision.as_str().into(), replicas });
        }
    }
}

/// The track as the servers' own world calls it.
pub(crate) fn ground(track: Track) -> ground::Track {
    match track {
        Track::Stable => ground::Track::Stable,
        Track::Candidate => ground::Track::Candidate,
    }
}
