//! The task behind a pool: it starts and stops replicas until they are as wanted.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::behaviour::Behaviour;
use super::converge::{Member, steps};
use super::pool::{Catalogue, PoolSettings, Wanted};
use super::replica::{Phase, Replica, Report};
use super::server::ServerSpec;
use super::switchboard::Switchboard;
use super::track::{PerTrack, Track};

pub(crate) struct Keeper {
    settings: PoolSettings,
    catalogue: Arc<Catalogue>,
    switchboard: Arc<Switchboard>,
    wanted: watch::Receiver<PerTrack<Option<Wanted>>>,
    entries: Vec<Entry>,
    published: watch::Sender<Vec<Entry>>,
    reports: mpsc::Sender<Report>,
    inbox: mpsc::Receiver<Report>,
    next_id: u64,
}

impl Keeper {
    pub(crate) fn new(
        settings: PoolSettings,
        catalogue: Arc<Catalogue>,
        switchboard: Arc<Switchboard>,
        wanted: watch::Receiver<PerTrack<Option<Wanted>>>,
    ) -> Self {
        let (reports, inbox) = mpsc::channel(64);
        Self {
            settings,
            catalogue,
            switchboard,
            wanted,
            entries: Vec::new(),
            published: watch::Sender::default(),
            reports,
            inbox,
            next_id: 0,
        }
    }

    /// The replicas as they are, now and whenever one changes.
    pub(crate) fn entries(&self) -> watch::Receiver<Vec<Entry>> {
        self.published.subscribe()
    }

    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                changed = self.wanted.changed() => if changed.is_err() { break },
                Some(report) = self.inbox.recv() => self.note(report),
            }
            let wanted = self.wanted.borrow_and_update().clone();
            self.converge(&wanted);
        }
        self.close().await;
    }

    /// Stops all replicas and waits for them.
    async fn close(mut self) {
        let all: Vec<u64> = self.entries.iter().map(|entry| entry.id).collect();
        self.stop(&all);
        while !self.entries.is_empty() {
            let Some(report) = self.inbox.recv().await else { return };
            self.note(report);
        }
    }

    fn note(&mut self, report: Report) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.id == report.id) else { return };
        match report.phase {
            Phase::Gone => self.entries.retain(|entry| entry.id != report.id),
            // It became ready, or crashed, just as it was told to go.
            _ if !entry.stays() => {}
            phase => {
                if let Phase::Crashed(reason) = &phase {
                    entry.crashes += 1;
                    entry.died.clone_from(reason);
                }
                entry.phase = phase;
            }
        }
    }

    fn converge(&mut self, wanted: &PerTrack<Option<Wanted>>) {
        let mut leaving = Vec::new();
        for track in Track::BOTH {
            let Some(wanted) = &wanted[track] else { continue };
            let steps = steps(wanted.replicas, &self.members(track, &wanted.revision));
            leaving.extend(steps.stop);
            if let Some(&behaviour) = self.catalogue.get(&wanted.revision) {
                (0..steps.start).for_each(|_| self.start(track, &wanted.revision, behaviour));
            }
        }
        self.stop(&leaving);
    }

    fn members(&self, track: Track, revision: &str) -> Vec<Member> {
        let of_track = self.entries.iter().filter(|entry| entry.track == track && entry.stays());
        let member = |entry: &Entry| Member {
            id: entry.id,
            current: *entry.revision == *revision,
            ready: matches!(entry.phase, Phase::Ready(_)),
        };
        of_track.map(member).collect()
    }

    fn start(&mut self, track: Track, revision: &Arc<str>, behaviour: Behaviour) {
        let id = self.next_id;
        self.next_id += 1;
        let stop = watch::Sender::new(false);
        let start_up = self.settings.start_up;
        let replica = Replica {
            id,
            server: ServerSpec { revision: Arc::clone(revision), behaviour, start_up },
            restart: self.settings.restart,
            drain: self.settings.drain,
            reports: self.reports.clone(),
            stop: stop.subscribe(),
        };
        tokio::spawn(replica.run());
        let (revision, stop) = (Arc::clone(revision), Arc::new(stop));
        self.entries.push(Entry {
            id,
            track,
            revision,
            phase: Phase::Starting,
            crashes: 0,
            died: String::new(),
            stop,
        });
    }

    /// Takes the replicas out of the routing table, by the same write that takes in what has become
    /// ready, and only then tells them to go.
    fn stop(&mut self, leaving: &[u64]) {
        let leaves = |entry: &&mut Entry| leaving.contains(&entry.id);
        self.entries.iter_mut().filter(leaves).for_each(|entry| entry.phase = Phase::Draining);
        self.route();
        for entry in self.entries.iter().filter(|entry| !entry.stays()) {
            entry.stop.send_replace(true);
        }
        self.published.send_replace(self.entries.clone());
    }

    fn route(&self) {
        let mut ready = PerTrack::<Vec<_>>::default();
        for entry in &self.entries {
            if let Phase::Ready(backend) = &entry.phase {
                ready[entry.track].push(Arc::clone(backend));
            }
        }
        self.switchboard.set_ready(ready);
    }
}

/// A replica in the books of the pool.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) track: Track,
    pub(crate) revision: Arc<str>,
    pub(crate) phase: Phase,
    pub(crate) crashes: u32,
    /// Of what it crashed last.
    died: String,
    stop: Arc<watch::Sender<bool>>,
}

impl Entry {
    fn stays(&self) -> bool {
        !matches!(self.phase, Phase::Draining | Phase::Gone)
    }

    /// Why it is not ready, for people.
    pub(crate) fn complaint(&self) -> String {
        let reason = &self.died;
        match self.crashes {
            1 => format!("crashed once: {reason}"),
            times => format!("crashed {times} times: {reason}"),
        }
    }
}
