//! What every [`TrafficRouter`](shepherd_core::ports::TrafficRouter) promises.

mod bench;
#[cfg(test)]
mod breakable;
mod fencing;
mod fixture;
mod interruption;
#[cfg(test)]
mod proof;
mod roles;
mod writing;

pub use fencing::*;
pub use fixture::RouterFixture;
pub use interruption::*;
pub use roles::*;
pub use writing::*;

crate::conformance::suite::suite!(__router_promises router RouterFixture);

/// One test for each promise of a router, in a module `router_conformance`, or one of your own name:
/// `router_conformance!(switch_only => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::router::RouterFixture) for each test.
#[macro_export]
macro_rules! router_conformance {
    ($name:ident => $make:expr) => {
        $crate::__router_promises!(__conformance_tests { $name router $make });
    };
    ($make:expr) => {
        $crate::router_conformance!(router_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __router_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            capabilities_are_constant
            apply_reads_back_exactly
            a_write_comes_into_effect
            apply_is_idempotent
            apply_replaces_all_of_the_route_before
            off_clears_weight_matches_and_mirror
            a_weight_is_exact_or_refused
            matches_are_kept_or_refused
            a_mirror_is_kept_or_refused
            nothing_else_is_changed
            another_router_observes_the_same
            marks_read_back
            claim_keeps_exposure
            a_new_rollout_takes_the_serving_side_for_stable
            the_same_rollout_keeps_the_roles
            claim_stamps_its_owner
            an_older_owner_cannot_claim
            an_older_owner_raises_nothing
            an_older_owner_lowers_nothing
            an_older_owner_takes_nothing_off
            a_later_owner_goes_on
            a_raise_after_off_is_refused
            a_new_rollout_may_raise_after_an_old_ones_off
            off_never_raises
            a_late_decision_is_refused
            the_same_decision_again_is_accepted
            a_dropped_apply_is_completed_by_the_same_call
            a_dropped_claim_is_completed_by_the_same_call
            a_dropped_swap_is_completed_by_the_same_call
            concurrent_applies_leave_one_route_whole
        }
    };
}
