//! How a track is doing.

use std::net::SocketAddr;
use std::sync::Arc;

use super::keeper::Entry;
use super::replica::Phase;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrackStatus {
    /// None until something was wanted of the track.
    pub(crate) revision: Option<Arc<str>>,
    pub(crate) desired: usize,
    /// Servers of that revision to which requests may go.
    pub(crate) ready: usize,
    /// Servers of other revisions to which requests may still go.
    pub(crate) old: usize,
    /// Servers that finish their last requests.
    pub(crate) draining: usize,
    /// How often the present servers of that revision have crashed.
    pub(crate) crashes: u32,
    /// Why servers of that revision are not ready, when it is more than that they have just started.
    pub(crate) failing: Option<String>,
    /// All servers of the track to which requests may go.
    pub(crate) addrs: Vec<SocketAddr>,
}

impl TrackStatus {
    /// Counts in one more replica of the track.
    pub(crate) fn add(&mut self, entry: &Entry, current: bool) {
        match &entry.phase {
            Phase::Ready(backend) => {
                self.addrs.push(backend.addr());
                if current { self.ready += 1 } else { self.old += 1 }
            }
            Phase::Draining => self.draining += 1,
            // While it starts again it is still the crash that people want to hear of.
            Phase::Crashed(_) | Phase::Starting if current && entry.crashes > 0 => {
                self.failing = Some(entry.complaint());
            }
            _ => {}
        }
        if current {
            self.crashes += entry.crashes;
        }
    }
}
