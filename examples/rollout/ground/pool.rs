//! The servers of both tracks, kept as they are wanted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::behaviour::Behaviour;
use super::keeper::{Entry, Keeper};
use super::replica::Restart;
use super::status::TrackStatus;
use super::switchboard::Switchboard;
use super::track::{PerTrack, Track};

/// What there is to run, and how it behaves.
pub(crate) type Catalogue = BTreeMap<Arc<str>, Behaviour>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolSettings {
    pub(crate) start_up: Duration,
    pub(crate) restart: Restart,
    /// How long requests in flight may take when a server goes.
    pub(crate) drain: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            start_up: Duration::from_millis(100),
            restart: Restart { first: Duration::from_millis(500), longest: Duration::from_secs(5) },
            drain: Duration::from_secs(10),
        }
    }
}

/// "This track runs this revision with so many servers."
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) revision: Arc<str>,
    pub(crate) replicas: usize,
}

/// A handle: what is wanted goes in and returns at once, a task brings it about.
///
/// When it is dropped the servers drain and go.
pub(crate) struct Pool {
    wanted: watch::Sender<PerTrack<Option<Wanted>>>,
    entries: watch::Receiver<Vec<Entry>>,
    catalogue: Arc<Catalogue>,
}

impl Pool {
    pub(crate) fn start(settings: PoolSettings, catalogue: Catalogue, switchboard: Arc<Switchboard>) -> Self {
        let catalogue = Arc::new(catalogue);
        let wanted = watch::Sender::default();
        let keeper = Keeper::new(settings, Arc::clone(&catalogue), switchboard, wanted.subscribe());
        let entries = keeper.entries();
        tokio::spawn(keeper.run());
        Self { wanted, entries, catalogue }
    }

    /// Absolute and idempotent; what was wanted of the track before is forgotten.
    pub(crate) fn set(&self, track: Track, wanted: Wanted) {
        self.wanted.send_if_modified(|all| {
            let changed = all[track].as_ref() != Some(&wanted);
            all[track] = Some(wanted);
            changed
        });
    }

    pub(crate) fn observe(&self, track: Track) -> TrackStatus {
        let Some(wanted) = self.wanted.borrow()[track].clone() else { return TrackStatus::default() };
        let mut status = TrackStatus { desired: wanted.replicas, ..TrackStatus::default() };
        if !self.catalogue.contains_key(&wanted.revision) {
            status.failing = Some(format!("there is no revision {}", wanted.revision));
        }
        for entry in self.entries.borrow().iter().filter(|entry| entry.track == track) {
            status.add(entry, entry.revision == wanted.revision);
        }
        status.revision = Some(wanted.revision);
        status
    }

    /// Returns once the condition holds; it is asked again whenever a server changes.
    ///
    /// Cancel safe.
    pub(crate) async fn until(&self, mut condition: impl FnMut(&Pool) -> bool) {
        let mut entries = self.entries.clone();
        while !condition(self) {
            if entries.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether all is as wanted and nothing is on its way.
    pub(crate) fn is_settled(&self) -> bool {
        Track::BOTH.into_iter().all(|track| {
            let TrackStatus { desired, ready, old, draining, .. } = self.observe(track);
            ready == desired && old + draining == 0
        })
    }

    /// How both tracks are, for people.
    pub(crate) fn describe(&self) -> String {
        Track::BOTH.map(|track| format!("{track:?} {:?}", self.observe(track))).join(", ")
    }

    /// Drains all servers and returns when the last one is gone.
    pub(crate) async fn shutdown(&self) {
        self.wanted.send_modify(|all| {
            for track in Track::BOTH {
                all[track].iter_mut().for_each(|wanted| wanted.replicas = 0);
            }
        });
        self.until(|pool| pool.entries.borrow().is_empty()).await;
    }
}
