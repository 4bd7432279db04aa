//! The suite bites.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{
    Epoch, Fence, Mark, Replicas, Revision, RolloutId, Track, TrackSpec, TrackState, Traffic, WorkloadState,
};
use shepherd_core::ports::{PortError, Workload};

use super::WorkloadFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::words::revision;
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    KeepsRevision,
    NeverReady,
    RestartsOnTheSame,
    CountsAllRevisions,
    NeverRetires,
    TouchesTheOtherSide,
    EndsReadyOnes,
    EndsBeforeItStarts,
    FailsInSilence,
    CallsAllFailing,
    KeepsItToItself,
    SwapsSides,
    LosesTheCause,
    ClaimDoesNothing,
    ClaimRestarts,
    OldOwnersClaim,
    OldOwnersWrite,
    LaterOwnersAreRefused,
    DeploysAfterOff,
    OffIsForAllRollouts,
    LateDecisions,
    RefusesTheSameAgain,
    WritesInTwoParts,
    ClaimsInTwoParts,
    ReadsThenWrites,
    OverwritesWhatIsNotKnown,
}

#[derive(Clone, Default)]
struct Side {
    spec: Option<(Revision, u32)>,
    mark: Option<Mark>,
    /// Replicas, and for how many looks each has been there.
    pods: Vec<(Revision, u32)>,
}

type Sides = BTreeMap<Track, Side>;

#[derive(Clone)]
struct Machines {
    sides: Arc<Mutex<Sides>>,
    fault: Option<Fault>,
    marks: bool,
}

struct Fixture(Machines);

fn fixture(fault: Option<Fault>, marks: bool) -> Fixture {
    Fixture(Machines { sides: Arc::default(), fault, marks })
}

const STARTS: u32 = 3;

fn bad() -> Revision {
    revision(3)
}

fn is_ready(pod: &(Revision, u32)) -> bool {
    pod.1 >= STARTS && pod.0 != bad()
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = Machines;

    async fn open(&self) -> Opened<Machines> {
        let own = self.0.is(Fault::KeepsItToItself);
        Ok(if own { Machines { sides: Arc::default(), ..self.0.clone() } } else { self.0.clone() })
    }

    fn holds_marks(&self) -> bool {
        self.0.marks
    }

    fn revisions(&self) -> [Revision; 2] {
        [revision(1), revision(2)]
    }

    fn failing(&self) -> Option<Revision> {
        self.0.marks.then(bad)
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        let mut serving = BTreeMap::<Revision, Replicas>::new();
        let pods = self.0.with(|sides| sides.entry(track).or_default().pods.clone());
        for (revision, _) in pods.into_iter().filter(is_ready) {
            let count = serving.entry(revision).or_default();
            *count = Replicas::new(count.get() + 1);
        }
        Ok(serving)
    }

    fn patience(&self) -> Patience {
        if self.0.fault.is_some() { proof::little_patience() } else { Patience::default() }
    }
}

impl Side {
    /// Time passes: replicas come up, and what is not needed ends.
    fn tick(&mut self, machines: &Machines) {
        let Some((revision, wanted)) = self.spec.clone() else { return };
        if !machines.is(Fault::NeverReady) {
            self.pods.iter_mut().for_each(|pod| pod.1 += 1);
        }
        let own = |pod: &(Revision, u32)| pod.0 == revision;
        let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let ready = size(self.pods.iter().filter(|pod| own(pod) && is_ready(pod)).count());
        let mut spare =
            ready.saturating_add(size(self.pods.iter().filter(|p| !own(p) && is_ready(p)).count()));
        spare = spare.saturating_sub(wanted);
        if machines.is(Fault::EndsBeforeItStarts) {
            spare = u32::MAX;
        }
        self.pods.retain(|pod| {
            let ends = !own(pod) && (spare > 0 || !is_ready(pod));
            spare = spare.saturating_sub(u32::from(ends && is_ready(pod)));
            !ends
        });
        self.fit(machines, &revision, wanted);
    }

    /// As many replicas of the revision as are wanted; the youngest end first.
    fn fit(&mut self, machines: &Machines, revision: &Revision, wanted: u32) {
        let (mut own, others): (Vec<_>, Vec<_>) = self.pods.drain(..).partition(|pod| pod.0 == *revision);
        own.sort_by_key(|pod| std::cmp::Reverse(pod.1));
        if machines.is(Fault::EndsReadyOnes) {
            own.reverse();
        }
        let keeps = if machines.is(Fault::NeverRetires) { wanted.max(1) } else { wanted };
        own.resize(usize::try_from(keeps).unwrap_or(0), (revision.clone(), 0));
        self.pods = [own, others].concat();
    }

    fn state(&self, machines: &Machines) -> TrackState {
        let Some((revision, wanted)) = self.spec.clone() else { return TrackState::default() };
        let counts = |pod: &&(Revision, u32)| pod.0 == revision || machines.is(Fault::CountsAllRevisions);
        let ready = self.pods.iter().filter(counts).filter(|pod| is_ready(pod)).count();
        let failing =
            (revision == bad() && !machines.is(Fault::FailsInSilence)) || machines.is(Fault::CallsAllFailing);
        TrackState {
            revision: Some(revision),
            desired: Replicas::new(wanted),
            ready: Replicas::new(u32::try_from(ready).unwrap_or(u32::MAX)),
            failing: failing.then(|| "exit code 1".into()),
            mark: self.mark.clone(),
            ..TrackState::default()
        }
    }
}

impl Machines {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Sides) -> T) -> T {
        change(&mut self.sides.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn admits(&self, side: &Side, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        self.admits_mark(side, mark)?;
        match &side.spec {
            Some((runs, _)) if !self.is(Fault::OverwritesWhatIsNotKnown) => Ok(spec.may_replace(runs)?),
            _ => Ok(()),
        }
    }

    fn admits_mark(&self, side: &Side, mark: &Mark) -> Result<(), PortError> {
        let Some(stored) = &side.mark else { return Ok(()) };
        let refuses = (self.is(Fault::RefusesTheSameAgain) && stored == mark)
            || (self.is(Fault::LaterOwnersAreRefused)
                && mark.fence.epoch > Epoch::new(1)
                && mark.fence.rollout == first());
        if refuses {
            return Err(PortError::fenced("proof", "no"));
        }
        let over = stored.fence.epoch > mark.fence.epoch;
        let lax = (self.is(Fault::OldOwnersWrite) && over)
            || (self.is(Fault::DeploysAfterOff) && stored.traffic == Traffic::Off && !over)
            || (self.is(Fault::LateDecisions) && !over && stored.generation > mark.generation);
        if lax { Ok(()) } else { Ok(mark.admit(Some(stored))?) }
    }

    fn write(&self, side: &mut Side, spec: &TrackSpec, mark: &Mark) {
        let kept = side.spec.as_ref().filter(|_| self.is(Fault::KeepsRevision));
        let revision = kept.map_or_else(|| spec.revision.clone(), |(revision, _)| revision.clone());
        side.spec = Some((revision.clone(), spec.replicas.get()));
        let mut mark = mark.clone();
        if self.is(Fault::LosesTheCause) {
            mark.cause = None;
        }
        side.mark = self.marks.then_some(mark);
        if self.is(Fault::RestartsOnTheSame) {
            side.pods.clear();
        }
        if self.is(Fault::EndsBeforeItStarts) {
            side.pods.retain(|pod| pod.0 == revision);
        }
        side.fit(self, &revision, spec.replicas.get());
    }

    fn stamp(&self, mark: Option<&Mark>, fence: &Fence) -> Result<Mark, PortError> {
        match mark {
            Some(mark) if self.is(Fault::OldOwnersClaim) || self.is(Fault::OffIsForAllRollouts) => {
                let keeps = self.is(Fault::OffIsForAllRollouts) && mark.traffic == Traffic::Off;
                let rollout = if keeps { fence.rollout.clone() } else { mark.fence.rollout.clone() };
                if !self.is(Fault::OldOwnersClaim) {
                    Mark::claimed(Some(mark), fence)?;
                }
                Ok(Mark { fence: Fence { rollout, ..fence.clone() }, ..mark.clone() })
            }
            mark => Ok(Mark::claimed(mark, fence)?),
        }
    }
}

fn first() -> RolloutId {
    crate::conformance::words::rollout(1)
}

#[async_trait]
impl Workload for Machines {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if !self.marks || self.is(Fault::ClaimDoesNothing) {
            return Ok(());
        }
        for track in Track::BOTH {
            let before = self.with(|sides| sides.entry(track).or_default().mark.clone());
            let mark = self.stamp(before.as_ref(), fence)?;
            if self.is(Fault::ClaimsInTwoParts) {
                self.with(|sides| sides.entry(track).or_default().mark = None);
            }
            tokio::task::yield_now().await;
            self.with(|sides| {
                let side = sides.entry(track).or_default();
                side.mark = Some(mark);
                if self.is(Fault::ClaimRestarts) {
                    side.pods.clear();
                }
            });
        }
        if self.is(Fault::SwapsSides) && fence.epoch > Epoch::new(1) {
            self.with(|sides| {
                let stable = sides.remove(&Track::Stable).unwrap_or_default();
                let candidate = sides.insert(Track::Candidate, stable).unwrap_or_default();
                sides.insert(Track::Stable, candidate);
            });
        }
        Ok(())
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if self.is(Fault::ReadsThenWrites) {
            let mut side = self.with(|sides| sides.entry(spec.track).or_default().clone());
            self.admits(&side, spec, mark)?;
            tokio::task::yield_now().await;
            self.write(&mut side, spec, mark);
            self.with(|sides| sides.insert(spec.track, side));
            return Ok(());
        }
        if self.is(Fault::WritesInTwoParts) {
            self.with(|sides| {
                let side = sides.entry(spec.track).or_default();
                self.admits(side, spec, mark)
                    .map(|()| side.spec = Some((spec.revision.clone(), spec.replicas.get())))
            })?;
            tokio::task::yield_now().await;
        }
        self.with(|sides| {
            if self.is(Fault::TouchesTheOtherSide) && spec.track == Track::Candidate {
                sides.entry(Track::Stable).or_default().pods.pop();
            }
            let side = sides.entry(spec.track).or_default();
            self.admits(side, spec, mark).map(|()| self.write(side, spec, mark))
        })
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        Ok(self.with(|sides| {
            let [stable, candidate] = Track::BOTH.map(|track| {
                let side = sides.entry(track).or_default();
                side.tick(self);
                side.state(self)
            });
            WorkloadState { stable, candidate }
        }))
    }
}

crate::workload_conformance!(with_marks => || fixture(None, true));
crate::workload_conformance!(without_marks => || fixture(None, false));

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("running.rs"), include_str!("fencing.rs")], super::PROMISES);
}

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (
        Fault::KeepsRevision,
        &[
            "apply_reads_back",
            "ready_counts_only_the_sides_own_revision",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
            "a_new_rollout_may_deploy_after_an_old_ones_off",
            "a_dropped_apply_is_completed_by_the_same_call",
            "concurrent_applies_leave_one_spec_whole",
        ],
    ),
    (
        Fault::NeverReady,
        &[
            "replicas_become_ready",
            "apply_is_idempotent",
            "ready_counts_only_the_sides_own_revision",
            "zero_replicas_retire_the_side",
            "sides_are_independent",
            "scaling_down_keeps_the_rest_ready",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
            "another_workload_observes_the_same",
            "sides_stay_through_a_rollout",
            "claim_stamps_its_owner_and_keeps_what_runs",
        ],
    ),
    (
        Fault::RestartsOnTheSame,
        &[
            "apply_is_idempotent",
            "scaling_down_keeps_the_rest_ready",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
        ],
    ),
    (Fault::CountsAllRevisions, &["ready_counts_only_the_sides_own_revision", "a_failing_revision_says_why"]),
    (Fault::NeverRetires, &["zero_replicas_retire_the_side", "sides_are_independent"]),
    (Fault::TouchesTheOtherSide, &["sides_are_independent", "claim_stamps_its_owner_and_keeps_what_runs"]),
    (Fault::EndsReadyOnes, &["scaling_down_keeps_the_rest_ready"]),
    (Fault::EndsBeforeItStarts, &["a_new_revision_keeps_the_side_serving", "a_failing_revision_says_why"]),
    (Fault::FailsInSilence, &["a_failing_revision_says_why"]),
    (Fault::CallsAllFailing, &["a_failing_revision_says_why"]),
    (
        Fault::KeepsItToItself,
        &[
            "replicas_become_ready",
            "apply_is_idempotent",
            "ready_counts_only_the_sides_own_revision",
            "zero_replicas_retire_the_side",
            "sides_are_independent",
            "scaling_down_keeps_the_rest_ready",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
            "another_workload_observes_the_same",
            "sides_stay_through_a_rollout",
            "claim_stamps_its_owner_and_keeps_what_runs",
            "concurrent_applies_leave_one_spec_whole",
        ],
    ),
    (
        Fault::SwapsSides,
        &[
            "sides_stay_through_a_rollout",
            "claim_stamps_its_owner_and_keeps_what_runs",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (Fault::LosesTheCause, &["marks_read_back", "a_deploy_after_off_is_refused"]),
    (
        Fault::ClaimDoesNothing,
        &[
            "claim_stamps_its_owner_and_keeps_what_runs",
            "an_older_owner_cannot_claim",
            "an_older_owner_changes_nothing",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (Fault::ClaimRestarts, &["claim_stamps_its_owner_and_keeps_what_runs"]),
    (Fault::OldOwnersClaim, &["an_older_owner_cannot_claim"]),
    (Fault::OldOwnersWrite, &["an_older_owner_changes_nothing"]),
    (Fault::LaterOwnersAreRefused, &["a_later_owner_goes_on"]),
    (Fault::DeploysAfterOff, &["a_deploy_after_off_is_refused"]),
    (Fault::OffIsForAllRollouts, &["a_new_rollout_may_deploy_after_an_old_ones_off"]),
    (Fault::LateDecisions, &["a_late_decision_is_refused", "concurrent_applies_leave_one_spec_whole"]),
    (
        Fault::RefusesTheSameAgain,
        &[
            "apply_is_idempotent",
            "the_same_decision_again_is_accepted",
            "a_dropped_apply_is_completed_by_the_same_call",
        ],
    ),
    (Fault::WritesInTwoParts, &["a_dropped_apply_is_completed_by_the_same_call"]),
    (Fault::ClaimsInTwoParts, &["a_dropped_claim_is_completed_by_the_same_call"]),
    (Fault::ReadsThenWrites, &["concurrent_applies_leave_one_spec_whole"]),
    (Fault::OverwritesWhatIsNotKnown, &["what_the_rollout_does_not_know_of_is_not_replaced"]),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        proof.case(fault, proof::names(&super::broken(|| fixture(Some(*fault), true)).await), promises);
    }
    proof.covers(super::PROMISES);
}
