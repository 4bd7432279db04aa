//! What every [`Workload`](shepherd_core::ports::Workload) promises.

mod bench;
mod fencing;
mod fixture;
mod in_place;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod proof_in_place;
mod running;

pub use fencing::*;
pub use fixture::WorkloadFixture;
pub use running::*;

crate::conformance::suite::suite!(__workload_promises workload WorkloadFixture);

/// One test for each promise of a workload, in a module `workload_conformance`, or one of your own name:
/// `workload_conformance!(this_one => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::workload::WorkloadFixture) for each test.
#[macro_export]
macro_rules! workload_conformance {
    ($name:ident => $make:expr) => {
        $crate::__workload_promises!(__conformance_tests { $name workload $make });
    };
    ($make:expr) => {
        $crate::workload_conformance!(workload_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __workload_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            apply_reads_back
            replicas_become_ready
            apply_is_idempotent
            ready_counts_only_the_sides_own_revision
            zero_replicas_retire_the_side
            sides_are_independent
            scaling_down_keeps_the_rest_ready
            a_new_revision_keeps_the_side_serving
            a_failing_revision_says_why
            another_workload_observes_the_same
            sides_stay_through_a_rollout
            marks_read_back
            claim_stamps_its_owner_and_keeps_what_runs
            an_older_owner_cannot_claim
            an_older_owner_changes_nothing
            a_later_owner_goes_on
            a_deploy_after_off_is_refused
            a_new_rollout_may_deploy_after_an_old_ones_off
            a_late_decision_is_refused
            the_same_decision_again_is_accepted
            what_the_rollout_does_not_know_of_is_not_replaced
            a_dropped_apply_is_completed_by_the_same_call
            a_dropped_claim_is_completed_by_the_same_call
            concurrent_applies_leave_one_spec_whole
        }
    };
}
