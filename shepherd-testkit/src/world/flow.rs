//! Time passes, and users send requests.

use std::time::Duration;

use shepherd_core::model::{Elapsed, Exposure, Replicas, Revision, Track};

use super::world::index;
use super::{Moment, Pod, Tally, World};

/// How often what moves is looked at.
const RESOLUTION: Duration = Duration::from_secs(1);

/// What a track is sent, in requests a second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    pub(super) by_users: f64,
    copies: f64,
}

impl World {
    /// Lives up to `to`. Nothing happens when that is past.
    pub fn advance(&mut self, to: Elapsed) {
        while self.now < to {
            let until = self.next_event().map_or(to, |event| event.min(to));
            if until > self.now {
                self.flow(until - self.now);
                self.now = until;
            }
            self.happen();
        }
    }

    /// The next moment at which something changes by itself, while nobody writes.
    pub fn next_event(&self) -> Option<Elapsed> {
        let now = self.now;
        let readying = self.pods().filter_map(|(_, pod)| pod.ready_at()).filter(|at| *at > now);
        let crashing = Track::BOTH.into_iter().filter_map(|track| self.next_crash(track));
        let moving = self.pods().any(|(_, pod)| self.behaviours.of(&pod.revision).moves());
        let moving = moving.then(|| now + RESOLUTION);
        readying.chain(crashing).chain(self.road.next_change()).chain(moving).min()
    }

    fn pods(&self) -> impl Iterator<Item = (Track, &Pod)> {
        Track::BOTH.into_iter().flat_map(|track| self.side(track).pods.iter().map(move |pod| (track, pod)))
    }

    fn next_crash(&self, track: Track) -> Option<Elapsed> {
        let rate = self.rate_of_one(track);
        let crash = |pod: &Pod| pod.crashes_at(self.behaviours.of(&pod.revision), self.now, rate);
        self.side(track).pods.iter().filter_map(crash).min()
    }

    /// What is due at this moment.
    pub(super) fn happen(&mut self) {
        self.road.take_effect(self.now);
        for track in Track::BOTH {
            self.crash_due(track);
            self.reconcile(track);
        }
    }

    fn crash_due(&mut self, track: Track) {
        let rate = self.rate_of_one(track);
        let now = self.now;
        let due = |pod: &Pod, world: &World| {
            pod.crashes_at(world.behaviours.of(&pod.revision), now, rate).is_some_and(|at| at <= now)
        };
        for nth in 0..self.side(track).pods.len() {
            if due(&self.side(track).pods[nth], self) {
                self.crash(track, nth);
            }
        }
    }

    pub(super) fn crash(&mut self, track: Track, nth: usize) {
        let Some(revision) = self.side(track).pods.get(nth).map(|pod| pod.revision.clone()) else { return };
        let under_way = self.under_way(track, &revision);
        let World { sides, behaviours, now, .. } = self;
        sides[index(track)].pods[nth].crash(behaviours.of(&revision), *now);
        self.meter.of(track).restarts += 1.0;
        self.lose(track, &revision, under_way);
    }

    pub(super) fn reconcile(&mut self, track: Track) {
        let before = self.endangered(track);
        let World { sides, behaviours, dice, ready, now, grace, born, .. } = self;
        let side = &mut sides[index(track)];
        side.reconcile(behaviours, *now, dice);
        ready[index(track)].note(*now, side.ready_of_own(*now), *grace);
        if let Some(revision) = side.revision.as_ref().filter(|revision| !born.contains_key(revision)) {
            born.insert(revision.clone(), *now);
        }
        self.end_requests(track, before);
    }

    pub(super) fn ready_revisions(&self, track: Track) -> Vec<Revision> {
        let ready = self.side(track).pods.iter().filter(|pod| pod.is_ready(self.now));
        ready.map(|pod| pod.revision.clone()).collect()
    }

    /// For each ready replica the requests that fail if it ends now: none when it gets time enough to finish them.
    fn endangered(&self, track: Track) -> Vec<(Revision, f64)> {
        let with_requests = |revision: Revision| {
            let finishes = self.latency(track, &revision) <= self.termination.as_secs_f64();
            let lost = if finishes { 0.0 } else { self.under_way(track, &revision) };
            (revision, lost)
        };
        self.ready_revisions(track).into_iter().map(with_requests).collect()
    }

    fn end_requests(&mut self, track: Track, before: Vec<(Revision, f64)>) {
        let mut left = self.ready_revisions(track);
        for (revision, under_way) in before {
            match left.iter().position(|one| *one == revision) {
                Some(nth) => drop(left.swap_remove(nth)),
                None => self.lose(track, &revision, under_way),
            }
        }
    }

    /// How many requests one ready replica is answering.
    fn under_way(&self, track: Track, revision: &Revision) -> f64 {
        self.rate_of_one(track) * self.latency(track, revision)
    }

    fn lose(&mut self, track: Track, revision: &Revision, requests: f64) {
        self.count(track, Some(revision), Tally { requests: 0.0, failed: requests });
        self.meter.of(track).failed += requests;
    }

    fn latency(&self, track: Track, revision: &Revision) -> f64 {
        self.behaviours.of(revision).latency.at(self.moment(track, revision))
    }

    fn moment(&self, track: Track, revision: &Revision) -> Moment {
        let load = self.rate_of_one(track);
        let born = self.born.get(revision).copied().unwrap_or(self.now);
        Moment { age: self.now - born, load, utilization: load / self.capacity }
    }

    /// How much of the users' requests is the candidate's, 0 to 1.
    fn share(&self, exposure: &Exposure) -> f64 {
        let matched = self.matching * f64::from(u32::try_from(exposure.matches.len()).unwrap_or(u32::MAX));
        let matched = matched.clamp(0.0, 1.0);
        matched + (1.0 - matched) * exposure.weight.as_fraction()
    }

    /// What a track is sent of all users' requests when they meet the candidate so, 0 to 1.
    pub(super) fn share_of(&self, track: Track, exposure: &Exposure) -> f64 {
        let share = self.share(exposure);
        match self.road.role_of(track) {
            Track::Stable => 1.0 - share,
            Track::Candidate => share,
        }
    }

    /// How many replicas a share of the load needs.
    pub(super) fn needed_for(&self, share: f64) -> Replicas {
        // What is due to rounding needs no replica of its own.
        let replicas = (self.load * share / self.capacity - 1e-9).ceil().max(0.0);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts of floats saturate"
        )]
        Replicas::new(replicas as u32)
    }

    pub(super) fn sent(&self, track: Track) -> Sent {
        let exposure = &self.road.effective;
        if self.router.is_some() {
            let mirrored = self.load * (1.0 - self.share(exposure)) * exposure.mirror.as_fraction();
            let copies = if self.road.role_of(track) == Track::Candidate { mirrored } else { 0.0 };
            return Sent { by_users: self.load * self.share_of(track, exposure), copies };
        }
        let [stable, candidate] = Track::BOTH.map(|track| count(self.side(track).ready(self.now)));
        let own = if track == Track::Stable { stable } else { candidate };
        let share = match stable + candidate {
            0.0 if track == Track::Stable => 1.0,
            0.0 => 0.0,
            all => own / all,
        };
        Sent { by_users: self.load * share, copies: 0.0 }
    }

    /// What one ready replica of the track gets, in requests a second.
    fn rate_of_one(&self, track: Track) -> f64 {
        let ready = count(self.side(track).ready(self.now));
        let Sent { by_users, copies } = self.sent(track);
        if ready == 0.0 { 0.0 } else { ((by_users + copies) / ready).min(self.capacity) }
    }

    fn flow(&mut self, time: Duration) {
        for track in Track::BOTH {
            self.flow_to(track, time.as_secs_f64());
            self.check_health(track, time.as_secs_f64());
        }
    }

    fn flow_to(&mut self, track: Track, seconds: f64) {
        let (sent, rate) = (self.sent(track), self.rate_of_one(track));
        let all = sent.by_users + sent.copies;
        if all <= 0.0 {
            return;
        }
        let users = sent.by_users / all;
        let ready = self.ready_revisions(track);
        let overflow = (all - rate * count(ready.len())).max(0.0) * seconds;
        let mut revisions = ready.clone();
        revisions.dedup();
        for revision in revisions {
            let replicas = ready.iter().filter(|one| **one == revision).count();
            self.serve(track, &revision, rate * seconds * count(replicas), users);
        }
        let now = self.now;
        for pod in self.side_mut(track).pods.iter_mut().filter(|pod| pod.is_ready(now)) {
            pod.serve(rate * seconds);
        }
        let own = self.side(track).revision.clone();
        self.count(track, own.as_ref(), Tally { requests: overflow * users, failed: overflow * users });
        let counters = self.meter.of(track);
        counters.requests += overflow;
        counters.failed += overflow;
    }

    fn serve(&mut self, track: Track, revision: &Revision, requests: f64, users: f64) {
        let moment = self.moment(track, revision);
        let behaviour = self.behaviours.of(revision);
        let (rate, median, tail) =
            (behaviour.error_rate.at(moment), behaviour.latency.at(moment), behaviour.tail);
        let failed = self.failing(requests, rate.clamp(0.0, 1.0));
        self.count(track, Some(revision), Tally { requests: requests * users, failed: failed * users });
        let counters = self.meter.of(track);
        counters.requests += requests;
        counters.failed += failed;
        counters.latencies.add(requests, median, tail);
    }

    /// How many of so many fail: just their part, or with a seed about that.
    fn failing(&mut self, requests: f64, rate: f64) -> f64 {
        let mean = requests * rate;
        if !self.noisy {
            return mean;
        }
        // Twelve even throws less six are nearly a normal one.
        let normal = (0..12).map(|_| self.dice.f64()).sum::<f64>() - 6.0;
        (mean + normal * (mean * (1.0 - rate)).sqrt()).clamp(0.0, requests)
    }

    /// Each replica is asked once a second. One that starts for the first time is not asked yet.
    fn check_health(&mut self, track: Track, seconds: f64) {
        let (now, mut checks, mut failed) = (self.now, 0.0, 0.0);
        for pod in &self.side(track).pods {
            let rate = match (pod.is_ready(now), pod.ready_at().is_some() && pod.crashes == 0) {
                (true, _) => {
                    self.behaviours.of(&pod.revision).failed_checks.at(self.moment(track, &pod.revision))
                }
                (false, true) => continue,
                (false, false) => 1.0,
            };
            checks += seconds;
            failed += seconds * rate.clamp(0.0, 1.0);
        }
        let counters = self.meter.of(track);
        counters.checks += checks;
        counters.failed_checks += failed;
    }

    fn count(&mut self, track: Track, revision: Option<&Revision>, tally: Tally) {
        if tally != Tally::default() {
            *self.tallies.entry((track, revision.cloned())).or_default() += tally;
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are not so many replicas")]
fn count(replicas: usize) -> f64 {
    replicas as f64
}
