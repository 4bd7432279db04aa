//! The suite bites.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{
    Exposure, Fence, Mark, Replicas, Revision, Route, RouterCapabilities, Routing, Track, TrackSpec,
    TrackState, WorkloadState, admit,
};
use shepherd_core::ports::{PortError, TrafficRouter, Workload};

use super::RolesFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::words::revision;
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NeverSwaps,
    MovesUsers,
    WorkloadStays,
    WorkloadFollowsUnclaimed,
    WorkloadFollowsEveryClaim,
    WorkloadFollowsItsOwnOwnerOnly,
    TogglesThenStamps,
    SwapsInPart,
    EndsTheOldSide,
    KeepsTheRetiredSideDown,
}

/// Two sides, blue and green, and which of them is stable.
#[derive(Default)]
struct Backend {
    sides: [Side; 2],
    /// The side that the router takes for stable.
    routed: usize,
    exposure: Exposure,
    mark: Option<Mark>,
    /// Whose claim of the router exchanged the roles last.
    swapped_by: Option<Fence>,
    /// The side that the workload takes for stable.
    run: usize,
}

#[derive(Default)]
struct Side {
    spec: Option<(Revision, Replicas)>,
    mark: Option<Mark>,
}

impl Backend {
    fn stamp(&mut self, fence: &Fence) -> Result<(), PortError> {
        for side in &mut self.sides {
            side.mark = Some(Mark::claimed(side.mark.as_ref(), fence)?);
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Service {
    backend: Arc<Mutex<Backend>>,
    fault: Option<Fault>,
}

struct Fixture(Service);

fn fixture(fault: Option<Fault>) -> Fixture {
    let backend = Backend::default();
    Fixture(Service { backend: Arc::new(Mutex::new(backend)), fault })
}

#[async_trait]
impl RolesFixture for Fixture {
    type Router = Service;
    type Workload = Service;

    async fn open(&self) -> Opened<(Service, Service)> {
        Ok((self.0.clone(), self.0.clone()))
    }

    fn revisions(&self) -> [Revision; 2] {
        [revision(1), revision(2)]
    }

    async fn answering(&self) -> Opened<BTreeSet<Revision>> {
        let met = |backend: &mut Backend| {
            let candidate = 1 - backend.routed;
            let side = if backend.exposure.is_full() { candidate } else { backend.routed };
            backend.sides[side].spec.clone()
        };
        let ready = self.0.with(met).filter(|(_, replicas)| *replicas > Replicas::ZERO);
        Ok(ready.into_iter().map(|(revision, _)| revision).collect())
    }

    fn patience(&self) -> Patience {
        proof::little_patience()
    }
}

impl Service {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Backend) -> T) -> T {
        change(&mut self.backend.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn swap(&self, backend: &mut Backend, fence: &Fence) {
        let all = backend.exposure.is_all() || (self.is(Fault::SwapsInPart) && !backend.exposure.is_off());
        if self.is(Fault::NeverSwaps) || !all || !fence.begins(backend.mark.as_ref()) {
            return;
        }
        backend.exposure = Exposure::OFF;
        backend.swapped_by = Some(fence.clone());
        if !self.is(Fault::MovesUsers) {
            backend.routed = 1 - backend.routed;
        }
        if self.is(Fault::EndsTheOldSide) {
            backend.sides[1 - backend.routed] = Side::default();
        }
    }

    /// The side that the workload takes for stable after this claim.
    fn follow(&self, backend: &Backend, fence: &Fence) -> usize {
        let begins = fence.begins(backend.sides[0].mark.as_ref());
        let others =
            self.is(Fault::WorkloadFollowsItsOwnOwnerOnly) && backend.swapped_by.as_ref() != Some(fence);
        if self.is(Fault::WorkloadFollowsEveryClaim) && backend.exposure.is_all() {
            return 1 - backend.run;
        }
        if self.is(Fault::WorkloadStays) || others || !begins {
            return backend.run;
        }
        backend.routed
    }

    fn stable(&self, backend: &Backend) -> usize {
        if self.is(Fault::WorkloadFollowsUnclaimed) { backend.routed } else { backend.run }
    }

    fn index(&self, backend: &Backend, track: Track) -> usize {
        match track {
            Track::Stable => self.stable(backend),
            Track::Candidate => 1 - self.stable(backend),
        }
    }

    fn state(&self, backend: &Backend, track: Track) -> TrackState {
        let Side { spec, mark } = &backend.sides[self.index(backend, track)];
        let (revision, replicas) = spec.clone().unzip();
        let replicas = replicas.unwrap_or_default();
        TrackState {
            revision,
            desired: replicas,
            ready: replicas,
            mark: mark.clone(),
            ..TrackState::default()
        }
    }
}

#[async_trait]
impl TrafficRouter for Service {
    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::weighted().with_swaps()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.with(|backend| {
            let mark = Mark::claimed(backend.mark.as_ref(), fence)?;
            self.swap(backend, fence);
            backend.mark = Some(mark);
            Ok(())
        })
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        self.with(|backend| {
            let Route { exposure, mark } = admit(backend.mark.as_ref(), &backend.exposure, route)?;
            (backend.exposure, backend.mark) = (exposure, Some(mark));
            Ok(())
        })
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        Ok(self.with(|backend| Routing {
            exposure: backend.exposure.clone(),
            mark: backend.mark.clone(),
            in_effect: true,
            awaits: None,
        }))
    }
}

#[async_trait]
impl Workload for Service {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if self.is(Fault::TogglesThenStamps) {
            self.with(|backend| {
                let begins = fence.begins(backend.sides[0].mark.as_ref());
                let swapped = backend.swapped_by.as_ref() == Some(fence);
                backend.run = if begins && swapped { 1 - backend.run } else { backend.run };
            });
            tokio::task::yield_now().await;
            return self.with(|backend| backend.stamp(fence));
        }
        self.with(|backend| {
            let stable = self.follow(backend, fence);
            backend.stamp(fence)?;
            backend.run = stable;
            Ok(())
        })
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        self.with(|backend| {
            let side = self.index(backend, spec.track);
            let side = &mut backend.sides[side];
            mark.admit(side.mark.as_ref())?;
            side.spec.as_ref().map_or(Ok(()), |(runs, _)| spec.may_replace(runs))?;
            let retired = side.spec.as_ref().is_some_and(|(_, replicas)| *replicas == Replicas::ZERO);
            let replicas = if retired && self.is(Fault::KeepsTheRetiredSideDown) {
                Replicas::ZERO
            } else {
                spec.replicas
            };
            *side = Side { spec: Some((spec.revision.clone(), replicas)), mark: Some(mark.clone()) };
            Ok(())
        })
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        Ok(self.with(|backend| WorkloadState {
            stable: self.state(backend, Track::Stable),
            candidate: self.state(backend, Track::Candidate),
        }))
    }
}

crate::roles_conformance!(kept => || fixture(None));

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("promises.rs")], super::PROMISES);
}

/// Each fault and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (
        Fault::NeverSwaps,
        &[
            "both_take_the_serving_side_for_stable",
            "a_later_owner_keeps_the_roles",
            "what_one_owner_began_the_next_one_completes",
            "swapped_twice_is_where_it_began",
            "the_retired_side_is_the_next_candidate",
            "a_late_write_between_the_claims_ends_nothing_that_serves",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (
        Fault::MovesUsers,
        &[
            "both_take_the_serving_side_for_stable",
            "users_meet_the_same_all_along",
            "a_later_owner_keeps_the_roles",
            "what_one_owner_began_the_next_one_completes",
            "swapped_twice_is_where_it_began",
            "the_retired_side_is_the_next_candidate",
            "a_late_write_between_the_claims_ends_nothing_that_serves",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (
        Fault::WorkloadStays,
        &[
            "both_take_the_serving_side_for_stable",
            "a_later_owner_keeps_the_roles",
            "what_one_owner_began_the_next_one_completes",
            "swapped_twice_is_where_it_began",
            "the_retired_side_is_the_next_candidate",
            "a_late_write_between_the_claims_ends_nothing_that_serves",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (Fault::WorkloadFollowsUnclaimed, &["a_late_write_between_the_claims_ends_nothing_that_serves"]),
    (Fault::WorkloadFollowsEveryClaim, &["a_later_owner_keeps_the_roles"]),
    (Fault::WorkloadFollowsItsOwnOwnerOnly, &["what_one_owner_began_the_next_one_completes"]),
    (
        Fault::TogglesThenStamps,
        &["what_one_owner_began_the_next_one_completes", "a_dropped_claim_is_completed_by_the_same_call"],
    ),
    (Fault::SwapsInPart, &["what_is_partial_keeps_the_roles"]),
    (Fault::EndsTheOldSide, &["both_take_the_serving_side_for_stable", "swapped_twice_is_where_it_began"]),
    (Fault::KeepsTheRetiredSideDown, &["the_retired_side_is_the_next_candidate"]),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        let found = proof::names(&super::broken(|| fixture(Some(*fault))).await);
        proof.case(fault, found, promises);
    }
    proof.covers(super::PROMISES);
}
