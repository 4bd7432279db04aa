//! What the ports ask of the world, and what a person does behind Shepherd's back.

use std::collections::{BTreeMap, BTreeSet};

use shepherd_core::model::{
    Cursor, Elapsed, Exposure, Failure, FailureKind, Fence, GateName, Mark, Measurement, Metric, Replicas,
    Revision, Route, RouterCapabilities, Routing, Track, TrackSpec, Verdict, WorkloadState, admit,
};

use super::{World, Written};

const ROUTER: &str = "simulated router";

impl World {
    /// What its router can do; none when it has no router.
    pub fn capabilities(&self) -> Option<RouterCapabilities> {
        self.router
    }

    /// Stamps an owner on what is routed. The first claim of a rollout takes the side that serves for stable, where the
    /// router swaps.
    ///
    /// # Errors
    /// [`FailureKind::Fenced`] when a later owner has been there, [`FailureKind::Unsupported`] without a router.
    pub fn claim_routing(&mut self, now: Elapsed, fence: &Fence) -> Result<(), Failure> {
        self.advance(now);
        let router = self.routing_capabilities()?;
        if router.fenced {
            let stored = self.road.mark.as_ref();
            let (mark, begins) = (Mark::claimed(stored, fence)?, fence.begins(stored));
            if router.swaps && begins {
                self.road.exchange();
            }
            self.road.mark = Some(mark);
        }
        self.log(Written::RoutingClaimed(fence.clone()));
        Ok(())
    }

    /// Changes where traffic goes.
    ///
    /// # Errors
    /// What [`admit`] refuses; [`FailureKind::Unsupported`] what the router cannot do.
    pub fn route(&mut self, now: Elapsed, asked: &Route) -> Result<(), Failure> {
        self.advance(now);
        let capabilities = self.routing_capabilities()?;
        can(&capabilities, &asked.exposure)?;
        let before = self.road.accepted.clone();
        let route = if capabilities.fenced {
            let route = admit(self.road.mark.as_ref(), &before, asked)?;
            self.road.mark = Some(route.mark.clone());
            route
        } else {
            asked.clone()
        };
        self.judge_route(&before, &route);
        self.road.set(route.exposure.clone(), now + self.propagation);
        self.road.take_effect(now);
        self.log(Written::Route { before, route });
        Ok(())
    }

    /// Where traffic goes.
    ///
    /// # Errors
    /// [`FailureKind::Unsupported`] without a router.
    pub fn routing(&mut self, now: Elapsed) -> Result<Routing, Failure> {
        self.advance(now);
        self.routing_capabilities().map(|_| self.road.routing())
    }

    /// Stamps an owner on both tracks. The first claim of a rollout takes the roles that the router has, or without a
    /// router takes the side that alone shall run for stable.
    ///
    /// # Errors
    /// [`FailureKind::Fenced`] when a later owner has been there.
    pub fn claim_workload(&mut self, now: Elapsed, fence: &Fence) -> Result<(), Failure> {
        self.advance(now);
        let claimed = |track| Mark::claimed(self.side(track).mark.as_ref(), fence);
        let marks = [claimed(Track::Stable)?, claimed(Track::Candidate)?];
        let begins = fence.begins(self.side(Track::Stable).mark.as_ref());
        for (track, mark) in Track::BOTH.into_iter().zip(marks) {
            self.side_mut(track).mark = Some(mark);
        }
        if begins && self.roles_differ() {
            self.exchange();
        }
        self.log(Written::WorkloadClaimed(fence.clone()));
        Ok(())
    }

    fn roles_differ(&self) -> bool {
        match self.router {
            Some(_) => self.road.crossed,
            None => self.side(Track::Stable).desired == 0 && self.side(Track::Candidate).desired > 0,
        }
    }

    /// The tracks change names, and each keeps all that it has and did.
    fn exchange(&mut self) {
        self.sides.swap(0, 1);
        self.ready.swap(0, 1);
        self.meter.exchange();
        let tallies = std::mem::take(&mut self.tallies).into_iter();
        self.tallies = tallies.map(|((track, revision), tally)| ((track.other(), revision), tally)).collect();
        self.road.crossed = false;
    }

    /// Makes a track what the spec says.
    ///
    /// # Errors
    /// What [`Mark::admit`] and [`TrackSpec::may_replace`] refuse.
    pub fn deploy(&mut self, now: Elapsed, spec: &TrackSpec, mark: &Mark) -> Result<(), Failure> {
        self.advance(now);
        mark.admit(self.side(spec.track).mark.as_ref())?;
        self.side(spec.track).revision.as_ref().map_or(Ok(()), |runs| spec.may_replace(runs))?;
        let before = self.spare();
        if self.side(spec.track).revision.as_ref() != Some(&spec.revision) {
            self.history_mut(spec.track).forget();
        }
        let side = self.side_mut(spec.track);
        side.set(spec);
        side.mark = Some(mark.clone());
        self.reconcile(spec.track);
        self.judge_deploy(spec.track, before);
        self.log(Written::Deploy { spec: spec.clone(), mark: mark.clone() });
        Ok(())
    }

    /// What both tracks are.
    pub fn workload(&mut self, now: Elapsed) -> WorkloadState {
        self.advance(now);
        let [stable, candidate] = Track::BOTH.map(|track| self.side(track).state(&self.behaviours, self.now));
        WorkloadState { stable, candidate }
    }

    /// What came since a cursor.
    pub fn measure(&mut self, now: Elapsed, metrics: &[Metric], since: Option<&Cursor>) -> Measurement {
        self.advance(now);
        self.meter.measure(self.now, metrics, since)
    }

    /// What a gate says about a track.
    pub fn check(&mut self, now: Elapsed, gate: &GateName, track: Track) -> Verdict {
        self.advance(now);
        if let Some(verdict) = self.verdicts.get_mut(gate).and_then(std::collections::VecDeque::pop_front) {
            return verdict;
        }
        match self.side(track).ready(self.now) {
            0 => Verdict::Fail(format!("{track} has no ready replica").into()),
            ready => Verdict::Pass(format!("{ready} replicas of {track} are ready").into()),
        }
    }

    /// Somebody changes the routing by hand and leaves its mark as it is.
    pub fn meddle(&mut self, now: Elapsed, exposure: Exposure) {
        self.advance(now);
        self.road.set(exposure, now + self.propagation);
        self.road.take_effect(now);
    }

    /// Somebody gives a track another revision by hand and leaves its replicas and its mark as they are. The replicas
    /// from before serve until their successors are ready.
    pub fn edit(&mut self, now: Elapsed, track: Track, revision: Revision) {
        self.advance(now);
        self.history_mut(track).forget();
        self.side_mut(track).revision = Some(revision);
        self.reconcile(track);
    }

    /// What a track serves with: the ready replicas of each revision, whatever the track is meant to run.
    pub fn serving_replicas(&self, track: Track) -> BTreeMap<Revision, Replicas> {
        let now = self.now();
        let mut serving = BTreeMap::new();
        for pod in self.side(track).pods.iter().filter(|pod| pod.is_ready(now)) {
            let count: &mut Replicas = serving.entry(pod.revision.clone()).or_default();
            *count = Replicas::new(count.get() + 1);
        }
        serving
    }

    /// The revisions that answer users now.
    pub fn answering(&self) -> BTreeSet<Revision> {
        let met = Track::BOTH.into_iter().filter(|track| self.sent(*track).by_users > 0.0);
        met.flat_map(|track| self.ready_revisions(track)).collect()
    }

    /// So many ready replicas of a track crash.
    pub fn break_replicas(&mut self, now: Elapsed, track: Track, replicas: Replicas) {
        self.advance(now);
        let ready = |world: &World| world.side(track).pods.iter().position(|pod| pod.is_ready(world.now));
        for _ in 0..replicas.get() {
            let Some(nth) = ready(self) else { break };
            self.crash(track, nth);
        }
        self.reconcile(track);
    }

    /// Users send so many requests a second from now on.
    pub fn set_load(&mut self, now: Elapsed, requests_a_second: f64) {
        self.advance(now);
        self.load = requests_a_second;
    }

    /// A revision behaves so from now on.
    pub fn set_behaviour(&mut self, now: Elapsed, revision: Revision, behaviour: super::Behaviour) {
        self.advance(now);
        self.behaviours.set(revision, behaviour);
    }

    /// What was there before the simulation: nobody's write.
    pub(super) fn establish(&mut self, stable: Revision, replicas: Replicas) {
        let ready = super::Behaviour::new().start_up(std::time::Duration::ZERO);
        self.behaviours.set(stable.clone(), ready);
        self.side_mut(Track::Stable).set(&TrackSpec::new(Track::Stable, stable.clone(), replicas));
        self.reconcile(Track::Stable);
        self.behaviours.set(stable, super::Behaviour::new());
    }

    fn routing_capabilities(&self) -> Result<RouterCapabilities, Failure> {
        let none = || Failure::new(FailureKind::Unsupported, ROUTER, "this world has no router");
        self.router.ok_or_else(none)
    }
}

/// A router does what was asked or refuses it; it rounds nothing in silence.
fn can(router: &RouterCapabilities, exposure: &Exposure) -> Result<(), Failure> {
    let refuse = |what: String| Err(Failure::new(FailureKind::Unsupported, ROUTER, what));
    for weight in [exposure.weight, exposure.mirror] {
        if weight.rounded_to(router.finest_weight) != weight {
            return refuse(format!("{weight} is finer than {}", router.finest_weight));
        }
    }
    if let Some(beyond) = router.matches.beyond(&exposure.matches) {
        return refuse(format!("it cannot choose by {beyond} among these, but by {}", router.matches));
    }
    if !exposure.mirror.is_zero() && !router.mirror {
        return refuse("it cannot mirror".into());
    }
    Ok(())
}
