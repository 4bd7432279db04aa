//! The outside, as little of it as a machine can tell: marks, exposures and counts of replicas, which refuse what every
//! adapter must refuse, and say what should never have been let through.

use shepherd_core::machine::{Answer, Effect};
use shepherd_core::model::{
    Elapsed, Epoch, Exposure, Failure, Fence, Mark, Replicas, Revision, Route, Routing, Track, TrackSpec,
    TrackState, Traffic, WorkloadState, admit,
};
use shepherd_core::plan::{Action, Plan};

use super::super::trail::needed;
use super::Wrong;

/// Where traffic goes and what runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outside {
    pub(super) exposure: Exposure,
    pub(super) mark: Option<Mark>,
    pub(super) workload: WorkloadState,
    /// The rollout's traffic was taken off, by an accepted write.
    pub(super) off: bool,
    /// The newest epoch that the claims of routing and of replicas were accepted from.
    pub(super) claimed: [Epoch; 2],
    /// When users last left the candidate, if they ever met it.
    pub(super) left: Option<Elapsed>,
}

impl Outside {
    pub(super) fn of(plan: &Plan) -> Self {
        let stable = TrackState {
            revision: Some(plan.stable().clone()),
            desired: plan.replicas(),
            ready: plan.replicas(),
            ..TrackState::default()
        };
        let workload = WorkloadState { stable, candidate: TrackState::default() };
        let claimed = [Epoch::default(); 2];
        Self { exposure: Exposure::OFF, mark: None, workload, off: false, claimed, left: None }
    }

    pub(super) fn side(&mut self, track: Track) -> &mut TrackState {
        match track {
            Track::Stable => &mut self.workload.stable,
            Track::Candidate => &mut self.workload.candidate,
        }
    }

    /// Does what is asked, or refuses it as every adapter must.
    pub(super) fn perform(
        &mut self,
        at: &Moment<'_>,
        effect: &Effect,
    ) -> Result<Result<Answer, Failure>, Wrong> {
        let done = |claimed: Result<(), Failure>| Ok(claimed.map(|()| Answer::Done));
        match effect {
            Effect::ClaimRouting(fence) => done(self.claim_routing(fence)),
            Effect::ClaimWorkload(fence) => done(self.claim_workload(fence)),
            Effect::Route(route) => match admit(self.mark.as_ref(), &self.exposure, route) {
                Ok(route) => self.route(at, route).map(|()| Ok(Answer::Done)),
                Err(refused) => Ok(Err(refused)),
            },
            Effect::Deploy { spec, mark } => match self.admits(spec, mark) {
                Ok(()) => self.deploy(at, spec, mark).map(|()| Ok(Answer::Done)),
                Err(refused) => Ok(Err(refused)),
            },
            Effect::ObserveRouting | Effect::ObserveWorkload => Ok(Ok(self.look(effect))),
            _ => Ok(Ok(Answer::Done)),
        }
    }

    /// What a look shows.
    pub(super) fn look(&self, effect: &Effect) -> Answer {
        match effect {
            Effect::ObserveRouting => Answer::Routing(Routing {
                exposure: self.exposure.clone(),
                mark: self.mark.clone(),
                in_effect: true,
                awaits: None,
            }),
            _ => Answer::Workload(self.workload.clone()),
        }
    }

    /// Whether the marks refuse this write, as they then do for ever: marks only grow.
    pub(super) fn refuses(&self, effect: &Effect) -> bool {
        match effect {
            Effect::ClaimRouting(fence) => Mark::claimed(self.mark.as_ref(), fence).is_err(),
            Effect::ClaimWorkload(fence) => {
                Track::BOTH.iter().any(|track| Mark::claimed(self.marked(*track), fence).is_err())
            }
            Effect::Route(route) => admit(self.mark.as_ref(), &self.exposure, route).is_err(),
            Effect::Deploy { spec, mark } => self.admits(spec, mark).is_err(),
            _ => true,
        }
    }

    fn admits(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), Failure> {
        let is = self.workload.track(spec.track);
        mark.admit(is.mark.as_ref())?;
        is.revision.as_ref().map_or(Ok(()), |runs| spec.may_replace(runs))
    }

    fn marked(&self, track: Track) -> Option<&Mark> {
        self.workload.track(track).mark.as_ref()
    }

    fn claim_routing(&mut self, fence: &Fence) -> Result<(), Failure> {
        self.mark = Some(Mark::claimed(self.mark.as_ref(), fence)?);
        self.claimed[0] = fence.epoch;
        Ok(())
    }

    fn claim_workload(&mut self, fence: &Fence) -> Result<(), Failure> {
        let stable = Mark::claimed(self.marked(Track::Stable), fence)?;
        let candidate = Mark::claimed(self.marked(Track::Candidate), fence)?;
        self.side(Track::Stable).mark = Some(stable);
        self.side(Track::Candidate).mark = Some(candidate);
        self.claimed[1] = fence.epoch;
        Ok(())
    }

    fn route(&mut self, at: &Moment<'_>, route: Route) -> Result<(), Wrong> {
        if route.mark.fence.epoch < self.claimed[0] {
            return Err(format!("7: epoch {} routes after {}", route.mark.fence.epoch, self.claimed[0]));
        }
        if self.off && route.exposure.raises(&self.exposure) {
            return Err(format!("3: {} after off", route.exposure));
        }
        self.off |= route.mark.traffic == Traffic::Off;
        if route.exposure.is_off() && !self.exposure.is_off() {
            self.left = Some(at.now);
        }
        (self.exposure, self.mark) = (route.exposure, Some(route.mark));
        Ok(())
    }

    fn deploy(&mut self, at: &Moment<'_>, spec: &TrackSpec, mark: &Mark) -> Result<(), Wrong> {
        if mark.fence.epoch < self.claimed[1] {
            return Err(format!("7: epoch {} deploys after {}", mark.fence.epoch, self.claimed[1]));
        }
        if !at.forced {
            if at.plan.mode().routed() { self.removes(at, spec, mark) } else { self.leaves(at, spec, mark) }?;
        }
        let side = self.side(spec.track);
        if side.revision.as_ref() != Some(&spec.revision) {
            (side.ready, side.failing) = (Replicas::ZERO, None);
        }
        *side = TrackState {
            revision: Some(spec.revision.clone()),
            desired: spec.replicas,
            ready: side.ready.min(spec.replicas),
            failing: side.failing.take().filter(|_| spec.replicas > Replicas::ZERO),
            mark: Some(mark.clone()),
            ..TrackState::default()
        };
        Ok(())
    }

    /// Where a router splits the traffic: replicas go after their users have gone, and had their time.
    fn removes(&self, at: &Moment<'_>, spec: &TrackSpec, mark: &Mark) -> Result<(), Wrong> {
        let (is, wants) = (self.workload.track(spec.track), needed(at.plan, spec.track, &self.exposure));
        let replaces = is.revision.as_ref().is_some_and(|is| *is != spec.revision);
        if (spec.replicas < is.desired && spec.replicas.get() < wants) || (replaces && wants > 0) {
            return Err(format!("2: {} loses replicas under {}", spec.track, self.exposure));
        }
        let ends =
            spec.track == Track::Candidate && spec.replicas == Replicas::ZERO && is.desired > Replicas::ZERO;
        let drain = match at.plan.stages()[usize::from(mark.stage)].action() {
            _ if mark.traffic == Traffic::Off => at.plan.recovery().drain,
            Action::Retire { drain, .. } => *drain,
            _ => std::time::Duration::ZERO,
        };
        match self.left.filter(|_| ends) {
            Some(left) if at.now - left < drain => Err(format!("2: {} ends without a drain", spec.track)),
            _ => Ok(()),
        }
    }

    /// Where replicas are the weight: enough of both together are meant to be there. On the way back a candidate that
    /// is not ready serves nobody, and may go.
    fn leaves(&self, at: &Moment<'_>, spec: &TrackSpec, mark: &Mark) -> Result<(), Wrong> {
        let other = match spec.track {
            Track::Stable => &self.workload.candidate,
            Track::Candidate => &self.workload.stable,
        };
        let (meant, all) = (spec.replicas.get() + other.desired.get(), at.plan.replicas().get());
        let may_miss = at.plan.mode().headroom().map_or(0, |headroom| headroom.unavailable.get());
        let shrinks = spec.replicas < self.workload.track(spec.track).desired;
        let unready = mark.traffic == Traffic::Off && spec.track == Track::Candidate;
        if shrinks && !unready && meant + may_miss < all {
            return Err(format!("2: {meant} of {all} replicas are left"));
        }
        Ok(())
    }

    /// What runs on a track.
    pub(super) fn runs(&self, track: Track, revision: &Revision) -> bool {
        self.workload.track(track).revision.as_ref() == Some(revision)
    }
}

/// What of the rest of the world a write is judged by.
pub(super) struct Moment<'a> {
    pub(super) plan: &'a Plan,
    pub(super) now: Elapsed,
    /// A person said not to wait.
    pub(super) forced: bool,
}
