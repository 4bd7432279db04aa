//! Where each request goes: the routing table, replaced as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use hyper::HeaderMap;
use hyper::header::COOKIE;
use tokio::sync::watch;

use super::backend::{Backend, InFlight};
use super::spread::spread;
use super::track::{PerTrack, Track};

/// Weights are hundredths of a percent.
const WHOLE: u32 = 10_000;

/// How requests are shared between the tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// By weight and by what the request carries; the other side has the rest.
    Split(Split),
    /// Over all ready servers alike, whatever their track, as when versions are replaced in place.
    Even,
}

/// What one side gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    /// Which side; the candidate's unless told otherwise.
    pub(crate) to: Track,
    /// Of all requests that match nothing, in hundredths of a percent.
    pub(crate) weight: u16,
    /// All requests that match any of these.
    pub(crate) matches: Vec<Match>,
    /// Copies of the requests that the other side gets, in hundredths of a percent of them; the answers are
    /// thrown away.
    pub(crate) mirror: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Header { name: String, value: String },
    Cookie { name: String, value: String },
}

impl Match {
    fn holds(&self, headers: &HeaderMap) -> bool {
        match self {
            Match::Header { name, value } => {
                headers.get_all(name).iter().any(|found| found == value.as_str())
            }
            Match::Cookie { name, value } => {
                let cookies = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
                let mut pairs =
                    cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
                pairs.any(|(found, held)| found.trim() == name && held.trim() == value)
            }
        }
    }
}

#[derive(Clone)]
struct Table {
    policy: Policy,
    ready: PerTrack<Vec<Arc<Backend>>>,
}

/// Where one request goes.
pub(crate) struct Pick {
    pub(crate) track: Track,
    /// None when the track has no ready server.
    pub(crate) backend: Option<InFlight>,
    /// Where a copy of it goes.
    pub(crate) mirror: Option<InFlight>,
}

/// The routing table and the choices made by it.
///
/// A change is in effect when the call returns: every later pick follows it.
pub(crate) struct Switchboard {
    table: watch::Sender<Arc<Table>>,
    picks: AtomicU64,
    mirrored: AtomicU64,
    turns: PerTrack<AtomicUsize>,
}

impl Switchboard {
    pub(crate) fn new(policy: Policy) -> Self {
        let table = Table { policy, ready: PerTrack::default() };
        Self {
            table: watch::Sender::new(Arc::new(table)),
            picks: AtomicU64::default(),
            mirrored: AtomicU64::default(),
            turns: PerTrack::default(),
        }
    }

    pub(crate) fn set_policy(&self, policy: Policy) {
        self.table.send_modify(|table| Arc::make_mut(table).policy = policy);
    }

    /// The servers to which requests may go, of both tracks at once.
    pub(crate) fn set_ready(&self, ready: PerTrack<Vec<Arc<Backend>>>) {
        self.table.send_modify(|table| Arc::make_mut(table).ready = ready);
    }

    pub(crate) fn pick(&self, headers: &HeaderMap) -> Pick {
        let nth = self.picks.fetch_add(1, Relaxed);
        loop {
            let table = Arc::clone(&self.table.borrow());
            let (track, backend) = self.choose(&table, nth, headers);
            let Some(backend) = backend else {
                return Pick { track, backend: None, mirror: None };
            };
            // A backend is closed only after it left the table, so a closed one means a newer table.
            if let Some(backend) = backend.enter() {
                return Pick { track, backend: Some(backend), mirror: self.mirror(&table, track) };
            }
        }
    }

    fn choose<'t>(
        &self,
        table: &'t Table,
        nth: u64,
        headers: &HeaderMap,
    ) -> (Track, Option<&'t Arc<Backend>>) {
        match &table.policy {
            Policy::Split(split) => {
                let track = split.track(nth, headers);
                (track, self.next(table, track))
            }
            Policy::Even => self.next_of_all(table),
        }
    }

    fn next<'t>(&self, table: &'t Table, track: Track) -> Option<&'t Arc<Backend>> {
        let turn = self.turns[track].fetch_add(1, Relaxed);
        let ready = &table.ready[track];
        ready.get(turn.checked_rem(ready.len())?)
    }

    fn next_of_all<'t>(&self, table: &'t Table) -> (Track, Option<&'t Arc<Backend>>) {
        let turn = self.turns.stable.fetch_add(1, Relaxed);
        let PerTrack { stable, candidate } = &table.ready;
        let Some(turn) = turn.checked_rem(stable.len() + candidate.len()) else {
            return (Track::Stable, None);
        };
        match turn.checked_sub(stable.len()) {
            None => (Track::Stable, stable.get(turn)),
            Some(turn) => (Track::Candidate, candidate.get(turn)),
        }
    }

    fn mirror(&self, table: &Table, track: Track) -> Option<InFlight> {
        let Policy::Split(Split { to, mirror, .. }) = &table.policy else { return None };
        if track == *to || *mirror == 0 {
            return None;
        }
        let nth = self.mirrored.fetch_add(1, Relaxed);
        if spread(nth, WHOLE) >= u64::from(*mirror) {
            return None;
        }
        self.next(table, *to)?.enter()
    }
}

impl Split {
    fn track(&self, nth: u64, headers: &HeaderMap) -> Track {
        let matched = self.matches.iter().any(|wanted| wanted.holds(headers));
        if matched || spread(nth, WHOLE) < u64::from(self.weight) { self.to } else { self.to.other() }
    }
}
