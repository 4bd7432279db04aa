//! The pool of servers as a workload of Shepherd.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shepherd_core::model::{
    Fence, Mark, Reason, Replicas, Revision, Track, TrackSpec, TrackState, Traffic, WorkloadState,
};
use shepherd_core::ports::{PortError, Workload};

use crate::ground::pool::{Pool, Wanted};
use crate::kept::{Kept, KeptError};
use crate::roles::Roles;
use crate::router::Router;
use crate::stopwatch::Stopwatch;

/// Clones manage the same servers.
#[derive(Clone)]
pub(crate) struct Servers(Arc<Shared>);

struct Shared {
    pool: Arc<Pool>,
    kept: Kept<Deployed>,
    /// Decides which side is stable, where it takes part.
    router: Option<Router>,
    /// Where no router takes part, traffic is off when the last server is.
    stopwatch: Option<Arc<Stopwatch>>,
}

/// What shall run, and who said so; kept as a manager of servers would keep it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployed {
    stable: Side,
    candidate: Side,
    /// Earlier releases never exchanged them.
    #[serde(default)]
    roles: Roles,
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
        router: Option<Router>,
        stopwatch: Option<Arc<Stopwatch>>,
    ) -> Result<Self, KeptError> {
        let stable = Side { revision: Some(revision), replicas, mark: None };
        let initial = Deployed { stable, ..Deployed::default() };
        let kept = Kept::open(directory.map(|path| path.join("servers.json")), initial)?;
        deploy(&pool, &kept.get());
        Ok(Self(Arc::new(Shared { pool, kept, router, stopwatch })))
    }

    /// Which side is stable.
    pub(crate) fn roles(&self) -> Roles {
        self.0.kept.get().roles
    }

    /// Where the servers of a track that are ready answer.
    pub(crate) fn addrs(&self, track: Track) -> Vec<SocketAddr> {
        self.0.pool.observe(self.roles().side(track)).addrs
    }

    /// Keeps the servers as they are, before anything is done to them.
    pub(crate) fn keep(&self) -> Result<(), KeptError> {
        self.0.kept.keep()
    }

    fn state(&self, roles: Roles, track: Track, side: Side) -> TrackState {
        let status = self.0.pool.observe(roles.side(track));
        TrackState {
            revision: side.revision,
            desired: Replicas::new(side.replicas),
            ready: Replicas::new(u32::try_from(status.ready).unwrap_or(u32::MAX)),
            failing: status.failing.map(Reason::new),
            mark: side.mark,
            ..TrackState::default()
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
            if fence.begins(deployed.stable.mark.as_ref()) {
                new.take(self.0.router.as_ref().map_or_else(|| deployed.by_replicas(), Router::roles));
            }
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
            side.revision.as_ref().map_or(Ok(()), |runs| spec.may_replace(runs))?;
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
        let Deployed { stable, candidate, roles } = self.0.kept.get();
        Ok(WorkloadState {
            stable: self.state(roles, Track::Stable, stable),
            candidate: self.state(roles, Track::Candidate, candidate),
        })
    }
}

impl Deployed {
    /// Each side keeps what it runs, and has the role that it is given.
    fn take(&mut self, roles: Roles) {
        if roles != self.roles {
            std::mem::swap(&mut self.stable, &mut self.candidate);
            self.roles = roles;
        }
    }

    /// Where no router says which side serves, the one that runs does.
    fn by_replicas(&self) -> Roles {
        let alone = self.stable.replicas == 0 && self.candidate.replicas > 0;
        if alone { self.roles.exchanged() } else { self.roles }
    }

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
            pool.set(deployed.roles.side(track), Wanted { revision: revision.as_str().into(), replicas });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_earlier_release_is_read() {
        let side = r#"{"revision": "v1", "replicas": 3, "mark": null}"#;
        let deployed = format!(r#"{{"stable": {side}, "candidate": {side}}}"#);
        let deployed: Deployed = serde_json::from_str(&deployed).unwrap();
        assert_eq!(deployed.roles, Roles::default());
    }
}
