//! The suite bites where both sides live in one object too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{Fence, Mark, Replicas, Revision, Track, TrackSpec, TrackState, WorkloadState};
use shepherd_core::ports::{PortError, Workload};

use super::WorkloadFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::words::revision;
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    KeepsReplicas,
    CountsAllRevisions,
    TellsWhatIsForWhatShallBe,
    RestartsOnTheSame,
    TakesFromTheOtherSide,
    MarksTheOtherSide,
    FailsInSilence,
    CallsAllFailing,
    KeepsItToItself,
    SwapsSides,
    ClaimDoesNothing,
    ClaimRestarts,
    OldOwnersWrite,
}

const ALL: u32 = 3;
const STARTS: u32 = 3;

/// What a side was asked to be.
#[derive(Clone)]
struct Asked {
    revision: Revision,
    replicas: u32,
    mark: Option<Mark>,
}

struct Object {
    stable: Asked,
    candidate: Option<Asked>,
    /// Replicas, and for how many looks each has been there.
    pods: Vec<(Revision, u32)>,
}

impl Object {
    fn new() -> Self {
        let stable = Asked { revision: revision(1), replicas: ALL, mark: None };
        Self { stable, candidate: None, pods: vec![(revision(1), STARTS); ALL as usize] }
    }

    fn asked(&self, track: Track) -> Option<&Asked> {
        match track {
            Track::Stable => Some(&self.stable),
            Track::Candidate => self.candidate.as_ref(),
        }
    }

    fn count(&self, revision: &Revision) -> u32 {
        count(self.pods.iter().filter(|pod| pod.0 == *revision).count())
    }

    /// Time passes: one replica after the other is replaced, and none while another one is not ready.
    fn tick(&mut self, fault: Option<Fault>) {
        self.pods.iter_mut().for_each(|pod| pod.1 += 1);
        if fault == Some(Fault::KeepsReplicas) {
            return;
        }
        let wanted =
            self.candidate.clone().map(|one| (one.revision, one.replicas.min(ALL - self.stable.replicas)));
        let (revision, wanted) = wanted.unwrap_or((revision(2), 0));
        while self.count(&revision) != wanted {
            let more = self.count(&revision) < wanted;
            let well = self.pods.iter().all(|pod| is_ready(pod) || pod.0 == bad());
            if !well {
                return;
            }
            let (from, to) =
                if more { (&self.stable.revision, &revision) } else { (&revision, &self.stable.revision) };
            // A candidate of before is as good as what goes.
            let next = self.pods.iter().position(|pod| pod.0 == *from).unwrap_or(0);
            self.pods[next] = (to.clone(), 0);
        }
        for pod in &mut self.pods {
            if pod.0 != revision && pod.0 != self.stable.revision {
                *pod = (self.stable.revision.clone(), 0);
            }
        }
    }

    fn state(&self, track: Track, fault: Option<Fault>) -> TrackState {
        let Some(asked) = self.asked(track) else { return TrackState::default() };
        let counts =
            |pod: &&(Revision, u32)| pod.0 == asked.revision || fault == Some(Fault::CountsAllRevisions);
        let ready = self.pods.iter().filter(counts).filter(|pod| is_ready(pod)).count();
        let fails = asked.revision == bad() && asked.replicas > 0 && fault != Some(Fault::FailsInSilence);
        let fails = fails || fault == Some(Fault::CallsAllFailing);
        let tells = fault == Some(Fault::TellsWhatIsForWhatShallBe);
        TrackState {
            revision: Some(asked.revision.clone()),
            desired: Replicas::new(if tells { count(ready) } else { asked.replicas }),
            ready: Replicas::new(count(ready)),
            failing: fails.then(|| "exit code 1".into()),
            mark: asked.mark.clone(),
            ..TrackState::default()
        }
    }
}

fn count(pods: usize) -> u32 {
    u32::try_from(pods).unwrap_or(u32::MAX)
}

fn bad() -> Revision {
    revision(3)
}

fn is_ready(pod: &(Revision, u32)) -> bool {
    pod.1 >= STARTS && pod.0 != bad()
}

#[derive(Clone)]
struct OneObject {
    object: Arc<Mutex<Object>>,
    fault: Option<Fault>,
}

struct Fixture(OneObject);

fn fixture(fault: Option<Fault>) -> Fixture {
    Fixture(OneObject { object: Arc::new(Mutex::new(Object::new())), fault })
}

#[async_trait]
impl WorkloadFixture for Fixture {
    type Workload = OneObject;

    async fn open(&self) -> Opened<OneObject> {
        let own = self.0.is(Fault::KeepsItToItself);
        Ok(if own { fixture(self.0.fault).0 } else { self.0.clone() })
    }

    fn holds_marks(&self) -> bool {
        true
    }

    fn revisions(&self) -> [Revision; 2] {
        [revision(1), revision(2)]
    }

    fn failing(&self) -> Option<Revision> {
        Some(bad())
    }

    fn in_place(&self) -> Option<Replicas> {
        Some(Replicas::new(ALL))
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        let mut serving = BTreeMap::<Revision, Replicas>::new();
        let pods = self.0.with(|object| object.pods.clone());
        let stables = |pod: &(Revision, u32)| (pod.0 == revision(1)) == (track == Track::Stable);
        for (revision, _) in pods.into_iter().filter(|pod| is_ready(pod) && stables(pod)) {
            let count = serving.entry(revision).or_default();
            *count = Replicas::new(count.get() + 1);
        }
        Ok(serving)
    }

    fn patience(&self) -> Patience {
        if self.0.fault.is_some() { proof::little_patience() } else { Patience::default() }
    }
}

impl OneObject {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Object) -> T) -> T {
        change(&mut self.object.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, object: &mut Object, spec: &TrackSpec, mark: &Mark) {
        let (revision, replicas) = (spec.revision.clone(), spec.replicas.get());
        let asked = Asked { revision, replicas, mark: Some(mark.clone()) };
        match spec.track {
            Track::Stable => object.stable = asked,
            Track::Candidate => {
                if self.is(Fault::TakesFromTheOtherSide) {
                    object.stable.replicas = ALL - replicas;
                }
                if self.is(Fault::MarksTheOtherSide) {
                    object.stable.mark = Some(mark.clone());
                }
                object.candidate = Some(asked);
            }
        }
        if self.is(Fault::RestartsOnTheSame) {
            object.pods.iter_mut().for_each(|pod| pod.1 = 0);
        }
    }
}

#[async_trait]
impl Workload for OneObject {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if self.is(Fault::ClaimDoesNothing) {
            return Ok(());
        }
        self.with(|object| {
            let stable = Mark::claimed(object.stable.mark.as_ref(), fence)?;
            object.stable.mark = Some(stable);
            if let Some(candidate) = &mut object.candidate {
                candidate.mark = Some(Mark::claimed(candidate.mark.as_ref(), fence)?);
                if self.is(Fault::SwapsSides) {
                    std::mem::swap(&mut object.stable, candidate);
                }
            }
            if self.is(Fault::ClaimRestarts) {
                object.pods.iter_mut().for_each(|pod| pod.1 = 0);
            }
            Ok(())
        })
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        self.with(|object| {
            let stored = object.asked(spec.track).and_then(|asked| asked.mark.clone());
            if !self.is(Fault::OldOwnersWrite) {
                mark.admit(stored.as_ref())?;
            }
            object.asked(spec.track).map_or(Ok(()), |asked| spec.may_replace(&asked.revision))?;
            self.write(object, spec, mark);
            Ok(())
        })
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        Ok(self.with(|object| {
            object.tick(self.fault);
            let [stable, candidate] = Track::BOTH.map(|track| object.state(track, self.fault));
            WorkloadState { stable, candidate }
        }))
    }
}

crate::workload_conformance!(in_one_object => || fixture(None));

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (
        Fault::KeepsReplicas,
        &[
            "replicas_become_ready",
            "apply_is_idempotent",
            "ready_counts_only_the_sides_own_revision",
            "zero_replicas_retire_the_side",
            "scaling_down_keeps_the_rest_ready",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
            "another_workload_observes_the_same",
            "sides_stay_through_a_rollout",
            "claim_stamps_its_owner_and_keeps_what_runs",
        ],
    ),
    (
        Fault::CountsAllRevisions,
        &[
            "replicas_become_ready",
            "apply_is_idempotent",
            "ready_counts_only_the_sides_own_revision",
            "zero_replicas_retire_the_side",
            "scaling_down_keeps_the_rest_ready",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
            "another_workload_observes_the_same",
            "sides_stay_through_a_rollout",
            "claim_stamps_its_owner_and_keeps_what_runs",
        ],
    ),
    (
        Fault::TellsWhatIsForWhatShallBe,
        &[
            "apply_reads_back",
            "sides_are_independent",
            "a_later_owner_goes_on",
            "a_new_rollout_may_deploy_after_an_old_ones_off",
            "the_same_decision_again_is_accepted",
            "what_the_rollout_does_not_know_of_is_not_replaced",
            "a_dropped_apply_is_completed_by_the_same_call",
            "a_dropped_claim_is_completed_by_the_same_call",
            "concurrent_applies_leave_one_spec_whole",
        ],
    ),
    (
        Fault::RestartsOnTheSame,
        &[
            "apply_is_idempotent",
            "ready_counts_only_the_sides_own_revision",
            "sides_are_independent",
            "scaling_down_keeps_the_rest_ready",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
        ],
    ),
    (Fault::TakesFromTheOtherSide, &["sides_are_independent"]),
    (Fault::MarksTheOtherSide, &["sides_are_independent"]),
    (Fault::FailsInSilence, &["a_failing_revision_says_why"]),
    (Fault::CallsAllFailing, &["a_failing_revision_says_why"]),
    (
        Fault::KeepsItToItself,
        &[
            "replicas_become_ready",
            "apply_is_idempotent",
            "ready_counts_only_the_sides_own_revision",
            "zero_replicas_retire_the_side",
            "scaling_down_keeps_the_rest_ready",
            "a_new_revision_keeps_the_side_serving",
            "a_failing_revision_says_why",
            "another_workload_observes_the_same",
            "sides_stay_through_a_rollout",
            "claim_stamps_its_owner_and_keeps_what_runs",
            "concurrent_applies_leave_one_spec_whole",
        ],
    ),
    (Fault::SwapsSides, &["sides_stay_through_a_rollout", "claim_stamps_its_owner_and_keeps_what_runs"]),
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
    (
        Fault::OldOwnersWrite,
        &[
            "an_older_owner_changes_nothing",
            "a_deploy_after_off_is_refused",
            "a_late_decision_is_refused",
            "concurrent_applies_leave_one_spec_whole",
        ],
    ),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        proof.case(fault, proof::names(&super::broken(|| fixture(Some(*fault))).await), promises);
    }
    proof.covers(COVERED);
}

/// The promises that mean something else where both sides live in one object.
const COVERED: &[&str] = &[
    "apply_reads_back",
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
];
