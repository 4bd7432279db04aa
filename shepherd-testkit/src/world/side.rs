use shepherd_core::model::{Elapsed, Mark, Reason, Replicas, Revision, TrackSpec, TrackState};

use super::behaviour::StartUp;
use super::{Behaviours, Pod};

/// The replicas of one track.
#[derive(Debug, Clone, Default)]
pub(super) struct Side {
    pub(super) revision: Option<Revision>,
    pub(super) desired: u32,
    pub(super) mark: Option<Mark>,
    pub(super) pods: Vec<Pod>,
}

/// From this crash of one replica on, the backend calls it a loop.
const LOOP: u32 = 2;

impl Side {
    pub(super) fn set(&mut self, spec: &TrackSpec) {
        self.revision = Some(spec.revision.clone());
        self.desired = spec.replicas.get();
    }

    /// Starts and ends replicas until there are as many as there shall be. Those of another revision stay until their
    /// successors are ready.
    pub(super) fn reconcile(&mut self, behaviours: &Behaviours, at: Elapsed, dice: &mut fastrand::Rng) {
        let Some(revision) = self.revision.clone() else { return };
        let own = self.pods.iter().filter(|pod| pod.revision == revision).count();
        let wanted = self.desired as usize;
        for _ in own..wanted {
            let patience = 0.75 + dice.f64() / 2.0;
            self.pods.push(Pod::start(revision.clone(), behaviours.of(&revision), at, patience));
        }
        self.keep(wanted, at, |pod| pod.revision == revision);
        let ready = self.pods.iter().filter(|pod| pod.revision == revision && pod.is_ready(at)).count();
        self.keep(wanted.saturating_sub(ready), at, |pod| pod.revision != revision && pod.is_ready(at));
        self.pods.retain(|pod| pod.revision == revision || pod.is_ready(at));
    }

    /// Ends all but `most` of the replicas that are `meant`: first what is not ready, then what is newest.
    fn keep(&mut self, most: usize, at: Elapsed, meant: impl Fn(&Pod) -> bool) {
        while self.pods.iter().filter(|pod| meant(pod)).count() > most {
            let unready = self.pods.iter().rposition(|pod| meant(pod) && !pod.is_ready(at));
            let Some(victim) = unready.or_else(|| self.pods.iter().rposition(&meant)) else { return };
            self.pods.remove(victim);
        }
    }

    pub(super) fn ready(&self, at: Elapsed) -> usize {
        self.pods.iter().filter(|pod| pod.is_ready(at)).count()
    }

    /// How many of the revision that the track is meant to run take requests.
    pub(super) fn ready_of_own(&self, at: Elapsed) -> u32 {
        let own = |pod: &&Pod| Some(&pod.revision) == self.revision.as_ref() && pod.is_ready(at);
        u32::try_from(self.pods.iter().filter(own).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn state(&self, behaviours: &Behaviours, at: Elapsed) -> TrackState {
        TrackState {
            revision: self.revision.clone(),
            desired: Replicas::new(self.desired),
            ready: Replicas::new(self.ready_of_own(at)),
            failing: self.failing(behaviours),
            mark: self.mark.clone(),
            ..TrackState::default()
        }
    }

    fn failing(&self, behaviours: &Behaviours) -> Option<Reason> {
        let own = || self.pods.iter().filter(|pod| Some(&pod.revision) == self.revision.as_ref());
        if let (Some(pod), StartUp::Stuck(reason)) =
            (own().next(), &behaviours.of(self.revision.as_ref()?).start)
        {
            return Some(Reason::new(format!("{}: {reason}", pod.revision)));
        }
        let worst = own().map(|pod| pod.crashes).max().filter(|crashes| *crashes >= LOOP)?;
        Some(Reason::new(format!("CrashLoopBackOff: a replica crashed {worst} times")))
    }
}
