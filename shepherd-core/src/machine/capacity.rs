//! Replicas for the users that each side has: those that fail, those that are too few, and a side that has none.

use super::Cause;
use super::rollout_machine::Machine;
use crate::model::{Reason, Replicas, Revision, Track, TrackState};
use crate::plan::{Action, Promotion};

impl Machine {
    /// Replicas that fail by themselves or are somebody else's now, and traffic without capacity.
    pub(super) fn heed_capacity(&mut self) {
        if self.promoted() || self.recovering() || !self.state.attach.done {
            return;
        }
        if let Some(revision) = self.edited().cloned() {
            return self.trigger(Cause::StableEdited(revision));
        }
        if let Some(candidate) = self.deployed_candidate().cloned() {
            let failing = match candidate.revision {
                None => Some(Reason::new("somebody has taken away what they ran in")),
                Some(runs) if runs != *self.plan.candidate() => {
                    return self.trigger(Cause::CandidateEdited(runs));
                }
                Some(_) => candidate.failing,
            };
            if let Some(reason) = failing {
                return self.heed_failing(reason);
            }
        }
        self.heed_starvation();
        self.heed_desertion();
    }

    /// A leftover of an earlier rollout, or a look from before ours was accepted, tells nothing of it.
    fn deployed_candidate(&self) -> Option<&TrackState> {
        let wanted = self.state.candidate.replicas > Replicas::ZERO;
        self.state.fresh(Track::Candidate).filter(|_| wanted)
    }

    /// Why none of the candidate is meant to run any more, where some should: somebody has undone it by hand.
    pub(super) fn undone(&self) -> Option<Reason> {
        let candidate = &self.state.workload()?.candidate;
        let gone = candidate.desired == Replicas::ZERO && self.state.candidate.replicas > Replicas::ZERO;
        candidate.failing.clone().filter(|_| gone && !self.promoted())
    }

    fn heed_failing(&mut self, reason: Reason) {
        if self.exposed() {
            self.trigger(Cause::Failing(reason));
        } else {
            self.fail_stage(&reason);
        }
    }

    /// What somebody has made of stable in the midst of the rollout. Before a look that is what the process before has
    /// found.
    pub(super) fn edited(&self) -> Option<&Revision> {
        let seen = self.state.workload();
        let runs = seen.map_or(Some(&self.state.stable.revision), |seen| seen.stable.revision.as_ref());
        runs.filter(|runs| !self.stable_revisions().any(|known| known == *runs))
    }

    /// What stable may run in this rollout: what it was, and what a promotion by copy makes it.
    pub(super) fn stable_revisions(&self) -> impl Iterator<Item = &Revision> {
        let copied = (self.plan.promotion() == Promotion::Copy).then(|| self.plan.candidate());
        std::iter::once(self.plan.stable()).chain(copied)
    }

    fn heed_starvation(&mut self) {
        let Some((ready, needed)) = self.starved() else {
            self.state.seen.starved_since = None;
            return;
        };
        let now = self.now();
        let since = *self.state.seen.starved_since.get_or_insert(now);
        if now - since > self.plan.attention().max_gap {
            self.trigger(Cause::LostCapacity { ready, needed });
        }
    }

    /// Too few ready candidate replicas for the traffic that they get.
    pub(super) fn starved(&self) -> Option<(Replicas, Replicas)> {
        let ready = self.state.ready(Track::Candidate)?;
        let needed = if self.routed() {
            let routing = &self.state.routing;
            let needed = |exposure| self.plan.needed(Track::Candidate, exposure);
            needed(&routing.exposure).max(needed(&routing.confirmed))
        } else {
            // While replicas come up it is their stage that waits for them.
            match self.stage().action() {
                Action::Scale { .. } => return None,
                _ => self.state.candidate.replicas,
            }
        };
        (ready < needed).then_some((ready, needed))
    }

    /// Nobody is where users are sent, and this rollout did not do that. Whether they are better off with more of the
    /// candidate a person decides; who has it promoted without waiting has decided.
    fn heed_desertion(&mut self) {
        let Some(stable) = self.deserted() else {
            self.state.seen.deserted_since = None;
            return;
        };
        let reason = format!(
            "stable still has users and no replica for them: {} of {} are ready, and the plan counts on {}; bring them \
             back and resume, or promote to send its users to the candidate without waiting",
            stable.ready,
            stable.desired,
            self.plan.replicas()
        );
        let now = self.now();
        let since = *self.state.seen.deserted_since.get_or_insert(now);
        let decided = self.recovering() || self.state.hurried.is_some();
        if now - since > self.plan.attention().max_gap && !decided {
            self.hold(Reason::new(reason));
        }
    }

    /// Stable, where none of its replicas is ready and users are sent to it all the same. One that somebody gives another
    /// revision serves with the replicas from before meanwhile.
    pub(super) fn deserted(&self) -> Option<&TrackState> {
        let has_users = self.routed() && !self.promoting() && !self.state.routing.exposure.is_full();
        let stable = self.state.fresh(Track::Stable).filter(|_| has_users)?;
        let replaced = stable.revision.as_ref().is_some_and(|runs| *runs != self.state.stable.revision);
        (stable.ready == Replicas::ZERO && !replaced).then_some(stable)
    }
}
