//! The suite bites: a router that keeps all promises passes, and each way to break one is found by its own name.

use std::sync::Arc;

use async_trait::async_trait;
use shepherd_core::model::{Matching, RouterCapabilities, Weight};

use super::RouterFixture;
use super::breakable::{Fault, Router};
use crate::conformance::proof::{self, Proof};
use crate::conformance::{Opened, Patience};

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
    (Fault::AwaitsWhatIsInEffect, all, &["a_write_comes_into_effect"]),
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
