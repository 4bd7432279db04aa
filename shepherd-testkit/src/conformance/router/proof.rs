//! The suite bites: a router that keeps all promises passes, and each way to break one is found by its own name.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{
    Exposure, Fence, Mark, Match, Matching, Route, RouterCapabilities, Routing, Traffic, Weight, admit,
};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::RouterFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    ForgetsToSayWhatItCan,
    ShowsOneStepLess,
    NeverInEffect,
    RefusesTheSameAgain,
    KeepsOldMatches,
    OffKeepsMirror,
    RoundsWeights,
    DropsMatches,
    TakesAnyCookieForItsOwn,
    DropsMirrors,
    RefusesMirrors,
    TouchesOthers,
    KeepsItToItself,
    LosesTheCause,
    LosesTheMark,
    ClaimTakesOff,
    NeverSwaps,
    SwapsAtEveryClaim,
    SwapsInPart,
    SwapsInTwoParts,
    SwapsUnasked,
    StaysSwapped,
    ClaimForgetsOff,
    ClaimDoesNothing,
    OldOwnersClaim,
    OldOwnersLower,
    OldOwnersTakeOff,
    LaterOwnersAreRefused,
    RaisesAfterOff,
    OffIsForAllRollouts,
    OffRaises,
    LateDecisions,
    WritesInTwoParts,
    ClaimsInTwoParts,
    ReadsThenWrites,
    StuckAfterDrop,
}

#[derive(Default, Clone)]
struct Backend {
    exposure: Exposure,
    mark: Option<Mark>,
    others: u32,
    swapped: bool,
    half_done: bool,
}

#[derive(Clone)]
struct Router {
    backend: Arc<Mutex<Backend>>,
    can: RouterCapabilities,
    fault: Option<Fault>,
}

struct Fixture(Router);

fn fixture(can: RouterCapabilities, fault: Option<Fault>) -> Fixture {
    Fixture(Router { backend: Arc::default(), can, fault })
}

#[async_trait]
impl RouterFixture for Fixture {
    type Router = Router;

    async fn open(&self) -> Opened<Router> {
        let own = self.0.is(Fault::KeepsItToItself);
        Ok(if own { Router { backend: Arc::default(), ..self.0.clone() } } else { self.0.clone() })
    }

    async fn bystanders(&self) -> Opened<String> {
        Ok(self.0.with(|backend| backend.others.to_string()))
    }

    fn patience(&self) -> Patience {
        proof::little_patience()
    }
}

impl Router {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Backend) -> T) -> T {
        change(&mut self.backend.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn able(&self, asked: &Exposure) -> Result<(), PortError> {
        let fits = asked.weight.rounded_to(self.can.finest_weight) == asked.weight;
        let matches = self.can.matches.beyond(&asked.matches).is_none()
            || self.is(Fault::DropsMatches)
            || self.is(Fault::TakesAnyCookieForItsOwn);
        let mirror = asked.mirror.is_zero() || self.can.mirror || self.is(Fault::DropsMirrors);
        let refuses = self.is(Fault::RefusesMirrors) && !asked.mirror.is_zero();
        let fits = fits || self.is(Fault::RoundsWeights);
        if fits && matches && mirror && !refuses {
            Ok(())
        } else {
            Err(PortError::unsupported("proof", "cannot do that"))
        }
    }

    /// What may be written where `backend` stands.
    fn admitted(&self, backend: &Backend, asked: &Route) -> Result<Route, PortError> {
        let mut stored = backend.mark.clone();
        let over = |mark: &Mark| mark.fence.epoch > asked.mark.fence.epoch;
        let off = asked.mark.traffic == Traffic::Off;
        let lowers = !asked.exposure.raises(&backend.exposure);
        if let Some(mark) = &mut stored {
            let forgets = (self.is(Fault::OldOwnersLower) && lowers && !off && over(mark))
                || (self.is(Fault::OldOwnersTakeOff) && off && over(mark))
                || (self.is(Fault::RaisesAfterOff) && mark.traffic == Traffic::Off && !over(mark))
                || (self.is(Fault::LateDecisions) && mark.generation > asked.mark.generation);
            if forgets {
                *mark = asked.mark.clone();
            }
            if self.is(Fault::RefusesTheSameAgain) && *mark == asked.mark {
                return Err(PortError::fenced("proof", "had that"));
            }
            if self.is(Fault::LaterOwnersAreRefused)
                && mark.fence.epoch > shepherd_core::model::Epoch::new(1)
                && mark.fence.rollout.as_str().ends_with("#1")
            {
                return Err(PortError::fenced("proof", "first come"));
            }
        }
        if self.is(Fault::OffRaises) {
            asked.mark.admit(stored.as_ref())?;
            return Ok(asked.clone());
        }
        Ok(admit(stored.as_ref(), &backend.exposure, asked)?)
    }

    /// Whether a claim makes the side that serves the stable one.
    fn swaps(&self, backend: &Backend, fence: &Fence) -> bool {
        let can = (self.can.swaps && !self.is(Fault::NeverSwaps)) || self.is(Fault::SwapsUnasked);
        let begins = fence.begins(backend.mark.as_ref()) || self.is(Fault::SwapsAtEveryClaim);
        let part = self.is(Fault::SwapsInPart) && !backend.exposure.is_off();
        can && begins && (backend.exposure.is_all() || part)
    }

    fn shape(&self, before: &Exposure, route: &mut Route) {
        let exposure = &mut route.exposure;
        if self.is(Fault::RoundsWeights) {
            exposure.weight = exposure.weight.rounded_to(self.can.finest_weight);
        }
        if self.is(Fault::DropsMatches) {
            exposure.matches.clear();
        }
        if self.is(Fault::TakesAnyCookieForItsOwn) {
            for one in &mut exposure.matches {
                if let Match::Cookie { value, .. } = one {
                    Matching::ALWAYS.clone_into(value);
                }
            }
        }
        if self.is(Fault::DropsMirrors) {
            exposure.mirror = Weight::ZERO;
        }
        if self.is(Fault::KeepsOldMatches) && !exposure.is_off() {
            exposure.matches.extend(before.matches.iter().cloned());
            exposure.matches.sort_by_key(ToString::to_string);
            exposure.matches.dedup();
            exposure.matches.reverse();
        }
        if self.is(Fault::OffKeepsMirror) && exposure.is_off() {
            exposure.mirror = before.mirror;
        }
        if self.is(Fault::LosesTheCause) {
            route.mark.cause = None;
        }
    }

    fn write(&self, backend: &mut Backend, mut route: Route) {
        self.shape(&backend.exposure, &mut route);
        if self.is(Fault::StaysSwapped) && backend.swapped && route.exposure.is_all() {
            route.exposure = Exposure::OFF;
        }
        backend.exposure = route.exposure;
        backend.mark = (self.can.fenced && !self.is(Fault::LosesTheMark)).then_some(route.mark);
        backend.others += u32::from(self.is(Fault::TouchesOthers));
    }
}

#[async_trait]
impl TrafficRouter for Router {
    fn capabilities(&self) -> RouterCapabilities {
        let forgets =
            self.is(Fault::ForgetsToSayWhatItCan) && self.with(|backend| !backend.exposure.is_off());
        let mut can = self.can;
        can.matches = if forgets { Matching::None } else { can.matches };
        can
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        tokio::task::yield_now().await;
        if !self.can.fenced || self.is(Fault::ClaimDoesNothing) {
            return Ok(());
        }
        let before = self.with(|backend| backend.mark.clone());
        let mark = match before {
            Some(mark) if self.is(Fault::OldOwnersClaim) && mark.fence.epoch > fence.epoch => {
                Mark { fence: fence.clone(), ..mark }
            }
            _ if self.is(Fault::ClaimForgetsOff) => Mark::claimed(None, fence)?,
            Some(mark) if self.is(Fault::OffIsForAllRollouts) => Mark { fence: fence.clone(), ..mark },
            before => Mark::claimed(before.as_ref(), fence)?,
        };
        if self.is(Fault::ClaimsInTwoParts) {
            self.with(|backend| backend.mark = None);
            tokio::task::yield_now().await;
        }
        if self.is(Fault::SwapsInTwoParts) && self.with(|backend| self.swaps(backend, fence)) {
            self.with(|backend| backend.exposure = Exposure::OFF);
            tokio::task::yield_now().await;
        }
        self.with(|backend| {
            if self.is(Fault::ClaimTakesOff) || self.swaps(backend, fence) {
                backend.exposure = Exposure::OFF;
                backend.swapped = true;
            }
            backend.mark = Some(mark);
        });
        Ok(())
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        self.able(&route.exposure)?;
        if self.is(Fault::StuckAfterDrop) {
            if self.with(|backend| std::mem::replace(&mut backend.half_done, true)) {
                return Err(PortError::permanent("proof", "locked"));
            }
            tokio::task::yield_now().await;
            self.with(|backend| backend.half_done = false);
        }
        tokio::task::yield_now().await;
        if self.is(Fault::ReadsThenWrites) {
            let mut read = self.with(|backend| backend.clone());
            let route = self.admitted(&read, route)?;
            tokio::task::yield_now().await;
            self.write(&mut read, route);
            self.with(|backend| *backend = read);
            return Ok(());
        }
        if self.is(Fault::WritesInTwoParts) {
            self.with(|backend| {
                self.admitted(backend, route).map(|route| backend.exposure = route.exposure)
            })?;
            tokio::task::yield_now().await;
        }
        self.with(|backend| self.admitted(backend, route).map(|route| self.write(backend, route)))
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        let Backend { mut exposure, mark, .. } = self.with(|backend| backend.clone());
        if self.is(Fault::ShowsOneStepLess) && exposure.weight == Weight::percent(25).unwrap_or_default() {
            exposure.weight = Weight::percent(24).unwrap_or_default();
        }
        Ok(Routing { exposure, mark, in_effect: !self.is(Fault::NeverInEffect) })
    }
}

const ALL: RouterCapabilities = RouterCapabilities::weighted().with_matches().with_mirror().with_swaps();

crate::router_conformance!(full => || fixture(ALL, None));
crate::router_conformance!(switch_only => || fixture(RouterCapabilities::switching(), None));
crate::router_conformance!(weights_without_marks => || fixture(RouterCapabilities::weighted().unfenced(), None));
crate::router_conformance!(like_an_ingress => || fixture(ingress(), None));
crate::router_conformance!(whole_percents => || fixture(percents(), None));

fn all() -> RouterCapabilities {
    ALL
}

fn percents() -> RouterCapabilities {
    RouterCapabilities::weighted().finest_weight(Weight::percent(1).unwrap()).with_matches()
}

fn ingress() -> RouterCapabilities {
    RouterCapabilities::weighted().matching(Matching::HeaderOrAlwaysCookie)
}

async fn found(can: RouterCapabilities, fault: Fault) -> Vec<&'static str> {
    proof::names(&super::broken(|| fixture(can, Some(fault))).await)
}

#[test]
fn every_promise_is_in_the_suite() {
    let sources = [
        include_str!("writing.rs"),
        include_str!("fencing.rs"),
        include_str!("interruption.rs"),
        include_str!("roles.rs"),
    ];
    proof::all_listed(&sources, super::PROMISES);
}

type Able = fn() -> RouterCapabilities;

/// Each fault, what the router can do that has it, and all promises that find it.
const CASES: &[(Fault, Able, &[&str])] = &[
    (Fault::ForgetsToSayWhatItCan, all, &["capabilities_are_constant", "matches_are_kept_or_refused"]),
    (Fault::ShowsOneStepLess, all, &["apply_reads_back_exactly"]),
    (
        Fault::NeverInEffect,
        all,
        &[
            "a_write_comes_into_effect",
            "claim_keeps_exposure",
            "a_new_rollout_takes_the_serving_side_for_stable",
            "the_same_rollout_keeps_the_roles",
            "a_dropped_swap_is_completed_by_the_same_call",
        ],
    ),
    (
        Fault::RefusesTheSameAgain,
        all,
        &[
            "apply_is_idempotent",
            "a_weight_is_exact_or_refused",
            "matches_are_kept_or_refused",
            "off_never_raises",
            "the_same_decision_again_is_accepted",
            "a_dropped_apply_is_completed_by_the_same_call",
        ],
    ),
    (
        Fault::KeepsOldMatches,
        all,
        &[
            "apply_replaces_all_of_the_route_before",
            "matches_are_kept_or_refused",
            "concurrent_applies_leave_one_route_whole",
        ],
    ),
    (
        Fault::OffKeepsMirror,
        all,
        &["off_clears_weight_matches_and_mirror", "a_dropped_apply_is_completed_by_the_same_call"],
    ),
    (Fault::RoundsWeights, percents, &["a_weight_is_exact_or_refused"]),
    (
        Fault::DropsMatches,
        all,
        &[
            "matches_are_kept_or_refused",
            "claim_keeps_exposure",
            "a_dropped_apply_is_completed_by_the_same_call",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (Fault::TakesAnyCookieForItsOwn, ingress, &["matches_are_kept_or_refused"]),
    (Fault::DropsMirrors, percents, &["a_mirror_is_kept_or_refused"]),
    (
        Fault::RefusesMirrors,
        all,
        &[
            "capabilities_are_constant",
            "apply_is_idempotent",
            "apply_replaces_all_of_the_route_before",
            "off_clears_weight_matches_and_mirror",
            "a_mirror_is_kept_or_refused",
            "nothing_else_is_changed",
            "another_router_observes_the_same",
            "claim_keeps_exposure",
            "off_never_raises",
            "a_dropped_apply_is_completed_by_the_same_call",
            "a_dropped_claim_is_completed_by_the_same_call",
            "concurrent_applies_leave_one_route_whole",
        ],
    ),
    (Fault::TouchesOthers, all, &["nothing_else_is_changed"]),
    (
        Fault::KeepsItToItself,
        all,
        &["another_router_observes_the_same", "concurrent_applies_leave_one_route_whole"],
    ),
    (Fault::LosesTheCause, all, &["marks_read_back", "claim_stamps_its_owner"]),
    (
        Fault::LosesTheMark,
        all,
        &[
            "marks_read_back",
            "a_new_rollout_takes_the_serving_side_for_stable",
            "the_same_rollout_keeps_the_roles",
            "claim_stamps_its_owner",
            "a_later_owner_goes_on",
            "a_raise_after_off_is_refused",
            "a_new_rollout_may_raise_after_an_old_ones_off",
            "a_late_decision_is_refused",
            "the_same_decision_again_is_accepted",
            "a_dropped_apply_is_completed_by_the_same_call",
            "a_dropped_claim_is_completed_by_the_same_call",
            "a_dropped_swap_is_completed_by_the_same_call",
            "concurrent_applies_leave_one_route_whole",
        ],
    ),
    (
        Fault::ClaimTakesOff,
        all,
        &[
            "claim_keeps_exposure",
            "the_same_rollout_keeps_the_roles",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (
        Fault::NeverSwaps,
        all,
        &[
            "a_new_rollout_takes_the_serving_side_for_stable",
            "the_same_rollout_keeps_the_roles",
            "a_dropped_swap_is_completed_by_the_same_call",
        ],
    ),
    (Fault::SwapsAtEveryClaim, all, &["the_same_rollout_keeps_the_roles"]),
    (Fault::SwapsInPart, all, &["claim_keeps_exposure"]),
    (Fault::SwapsInTwoParts, all, &["a_dropped_swap_is_completed_by_the_same_call"]),
    (
        Fault::SwapsUnasked,
        percents,
        &[
            "a_new_rollout_takes_the_serving_side_for_stable",
            "the_same_rollout_keeps_the_roles",
            "a_dropped_swap_is_completed_by_the_same_call",
        ],
    ),
    (Fault::StaysSwapped, all, &["a_new_rollout_takes_the_serving_side_for_stable"]),
    (
        Fault::ClaimForgetsOff,
        all,
        &[
            "claim_stamps_its_owner",
            "an_older_owner_cannot_claim",
            "a_raise_after_off_is_refused",
            "a_dropped_claim_is_completed_by_the_same_call",
        ],
    ),
    (
        Fault::ClaimDoesNothing,
        all,
        &[
            "a_new_rollout_takes_the_serving_side_for_stable",
            "the_same_rollout_keeps_the_roles",
            "claim_stamps_its_owner",
            "an_older_owner_cannot_claim",
            "an_older_owner_raises_nothing",
            "an_older_owner_lowers_nothing",
            "an_older_owner_takes_nothing_off",
            "a_dropped_claim_is_completed_by_the_same_call",
            "a_dropped_swap_is_completed_by_the_same_call",
        ],
    ),
    (Fault::OldOwnersClaim, all, &["an_older_owner_cannot_claim"]),
    (Fault::OldOwnersLower, all, &["an_older_owner_lowers_nothing"]),
    (Fault::OldOwnersTakeOff, all, &["an_older_owner_takes_nothing_off"]),
    (Fault::LaterOwnersAreRefused, all, &["a_later_owner_goes_on"]),
    (Fault::RaisesAfterOff, all, &["a_raise_after_off_is_refused"]),
    (
        Fault::OffIsForAllRollouts,
        all,
        &[
            "a_new_rollout_takes_the_serving_side_for_stable",
            "an_older_owner_cannot_claim",
            "a_new_rollout_may_raise_after_an_old_ones_off",
            "a_dropped_swap_is_completed_by_the_same_call",
        ],
    ),
    (Fault::OffRaises, all, &["off_never_raises"]),
    (Fault::LateDecisions, all, &["a_late_decision_is_refused", "concurrent_applies_leave_one_route_whole"]),
    (Fault::WritesInTwoParts, all, &["a_dropped_apply_is_completed_by_the_same_call"]),
    (
        Fault::ClaimsInTwoParts,
        all,
        &[
            "the_same_rollout_keeps_the_roles",
            "a_dropped_claim_is_completed_by_the_same_call",
            "a_dropped_swap_is_completed_by_the_same_call",
        ],
    ),
    (Fault::ReadsThenWrites, all, &["concurrent_applies_leave_one_route_whole"]),
    (
        Fault::StuckAfterDrop,
        all,
        &["a_dropped_apply_is_completed_by_the_same_call", "concurrent_applies_leave_one_route_whole"],
    ),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, can, promises) in CASES {
        proof.case(fault, found(can(), *fault).await, promises);
    }
    proof.covers(super::PROMISES);
}
