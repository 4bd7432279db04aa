use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shepherd_core::model::Elapsed;
use tokio::sync::watch;

use super::Version;
use super::kept::Kept;
use super::objects::Objects;

/// After so long without a word a watch is taken for dead.
pub(super) const SILENCE: Duration = Duration::from_secs(20);

/// After so long without a look a watch is ended.
const UNUSED: Duration = Duration::from_mins(2);

/// What is known of one kind in one namespace: a follower tells it, and looks ask for it.
pub(super) struct State {
    inner: Mutex<Inner>,
    told: watch::Sender<()>,
}

struct Inner {
    phase: Phase,
    /// Everything up to this version was told.
    version: Version,
    /// Up to here a look has wanted to know.
    wanted: Version,
    /// When something was last heard of the server.
    heard: Elapsed,
    looked: Elapsed,
    objects: Objects,
    /// Versions that the server has answered with, and that the watch has not come to.
    ahead: BTreeMap<Arc<str>, Version>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The first list is on its way.
    Opening,
    Following,
    /// Nothing can be said until there is another list.
    Lost,
}

/// What is answered to a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// So it is.
    Is(T),
    /// It will be known in a moment, as far as can be said.
    Soon,
    /// The server must be asked.
    Unknown,
}

impl State {
    pub(super) fn new(now: Elapsed) -> Self {
        let inner = Inner {
            phase: Phase::Opening,
            version: Version::FIRST,
            wanted: Version::FIRST,
            heard: now,
            looked: now,
            objects: Objects::default(),
            ahead: BTreeMap::new(),
        };
        Self { inner: Mutex::new(inner), told: watch::Sender::new(()) }
    }

    /// Wakes whoever waits for the next word.
    pub(super) fn words(&self) -> watch::Receiver<()> {
        self.told.subscribe()
    }

    /// The text of an object, and since when its spec is so; none of one that does not exist.
    pub(super) fn find(&self, name: &str, now: Elapsed) -> Answer<Option<(Arc<str>, Version)>> {
        let mut inner = self.inner();
        match inner.asked(now) {
            Answer::Is(()) if inner.ahead.contains_key(name) => Answer::Soon,
            Answer::Is(()) => {
                Answer::Is(inner.objects.get(name).map(|kept| (kept.text.clone(), kept.age.since)))
            }
            Answer::Soon => Answer::Soon,
            Answer::Unknown => Answer::Unknown,
        }
    }

    /// The texts of all objects that a selector selects, as they were at this version or after it.
    pub(super) fn select(&self, selector: &str, at: Version, now: Elapsed) -> Answer<Vec<Arc<str>>> {
        let mut inner = self.inner();
        match inner.asked(now) {
            // Nothing else may change for long, and no word of that version come: there is no use in waiting.
            Answer::Is(()) if inner.version < at || !inner.ahead.is_empty() => {
                inner.wanted = inner.wanted.max(at);
                Answer::Unknown
            }
            Answer::Is(()) => {
                Answer::Is(inner.objects.select(selector).into_iter().map(|kept| kept.text.clone()).collect())
            }
            Answer::Soon => Answer::Soon,
            Answer::Unknown => Answer::Unknown,
        }
    }

    /// The server has answered with this version of an object: nobody is told of an earlier one.
    pub(super) fn answered(&self, name: &str, version: Version) {
        let mut inner = self.inner();
        // What has no version is over with the next word of the object, and there is none of one that is gone.
        let gone = inner.phase == Phase::Following && inner.objects.get(name).is_none();
        if version > inner.version && (version.is_known() || !gone) {
            let ahead = inner.ahead.entry(name.into()).or_default();
            *ahead = version.max(*ahead);
        }
    }

    /// Everything that there is at this version, as it was asked for at `asked`.
    pub(super) fn lists(&self, all: Vec<Kept>, version: Version, asked: Elapsed) {
        let mut inner = self.inner();
        let objects = inner.objects.later(all);
        // What was answered meanwhile may be newer than the list.
        inner
            .ahead
            .retain(|name, ahead| *ahead > version && (ahead.is_known() || objects.get(name).is_some()));
        inner.objects = objects;
        inner.version = version;
        inner.heard = asked;
        inner.phase = Phase::Following;
        drop(inner);
        self.told.send_replace(());
    }

    pub(super) fn puts(&self, kept: Kept, now: Elapsed) {
        let mut inner = self.inner();
        inner.hears(&kept.name, kept.version, now);
        inner.objects.put(kept);
        drop(inner);
        self.told.send_replace(());
    }

    /// `kept` is what it was when it was deleted.
    pub(super) fn removes(&self, kept: &Kept, now: Elapsed) {
        let mut inner = self.inner();
        inner.hears(&kept.name, kept.version, now);
        inner.objects.remove(&kept.name);
        drop(inner);
        self.told.send_replace(());
    }

    /// There is nothing more up to this version.
    pub(super) fn reaches(&self, version: Version, now: Elapsed) {
        self.inner().hears("", version, now);
        self.told.send_replace(());
    }

    /// The server ended the watch when it was to.
    pub(super) fn hears(&self, now: Elapsed) {
        self.inner().heard = now;
    }

    /// Nothing is served until there is another list.
    pub(super) fn loses(&self) {
        let mut inner = self.inner();
        inner.phase = Phase::Lost;
        drop(inner);
        self.told.send_replace(());
    }

    /// A look has wanted to know more than was told, which is nothing where nothing changes.
    pub(super) fn is_behind(&self) -> bool {
        let inner = self.inner();
        inner.wanted > inner.version
    }

    /// Where the next watch begins.
    pub(super) fn version(&self) -> Version {
        self.inner().version
    }

    pub(super) fn is_unused(&self, now: Elapsed) -> bool {
        now.since(self.inner().looked) > UNUSED
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it is held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether it can be told of anything at all.
    fn asked(&mut self, now: Elapsed) -> Answer<()> {
        self.looked = now;
        match self.phase {
            Phase::Following if now.since(self.heard) <= SILENCE => Answer::Is(()),
            Phase::Opening => Answer::Soon,
            Phase::Following | Phase::Lost => Answer::Unknown,
        }
    }

    fn hears(&mut self, name: &str, version: Version, now: Elapsed) {
        self.heard = now;
        self.version = self.version.max(version);
        let reached = self.version;
        self.ahead.retain(|other, ahead| *ahead > reached && (ahead.is_known() || **other != *name));
    }
}
