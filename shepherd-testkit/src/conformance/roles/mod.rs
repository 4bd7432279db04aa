//! What a [`TrafficRouter`](shepherd_core::ports::TrafficRouter) that
//! [swaps](shepherd_core::model::RouterCapabilities::swaps) and the [`Workload`](shepherd_core::ports::Workload) behind
//! it promise together: which side is stable.

mod bench;
mod fixture;
mod promises;
#[cfg(test)]
mod proof;

pub use fixture::RolesFixture;
pub use promises::*;

crate::conformance::suite::suite!(__roles_promises roles RolesFixture);

/// One test for each promise that a router and a workload keep together, in a module `roles_conformance`, or one of
/// your own name: `roles_conformance!(this_one => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::roles::RolesFixture) for each test.
#[macro_export]
macro_rules! roles_conformance {
    ($name:ident => $make:expr) => {
        $crate::__roles_promises!(__conformance_tests { $name roles $make });
    };
    ($make:expr) => {
        $crate::roles_conformance!(roles_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __roles_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            both_take_the_serving_side_for_stable
            users_meet_the_same_all_along
            a_later_owner_keeps_the_roles
            what_one_owner_began_the_next_one_completes
            swapped_twice_is_where_it_began
            the_retired_side_is_the_next_candidate
            what_is_partial_keeps_the_roles
            a_late_write_between_the_claims_ends_nothing_that_serves
            a_dropped_claim_is_completed_by_the_same_call
        }
    };
}
