//! What every [`Store`](shepherd_core::ports::Store) promises.

mod bench;
mod fixture;
mod ownership;
#[cfg(test)]
mod proof;
mod records;

pub use fixture::StoreFixture;
pub use ownership::*;
pub use records::*;

crate::conformance::suite::suite!(__store_promises store StoreFixture);

/// One test for each promise of a store, in a module `store_conformance`, or one of your own name:
/// `store_conformance!(in_files => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::store::StoreFixture) for each test.
#[macro_export]
macro_rules! store_conformance {
    ($name:ident => $make:expr) => {
        $crate::__store_promises!(__conformance_tests { $name store $make });
    };
    ($make:expr) => {
        $crate::store_conformance!(store_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            each_claim_gets_a_greater_epoch
            a_claim_counts_from_what_was_seen_outside
            a_living_owner_is_not_displaced
            of_concurrent_claimers_one_becomes_the_owner
            a_released_target_can_be_claimed
            releasing_an_old_epoch_does_nothing
            a_thief_takes_over
            a_superseded_owner_saves_nothing
            a_superseded_owner_cannot_renew
            a_superseded_owner_clears_nothing
            an_ended_owner_is_superseded
            closing_keeps_the_last_snapshot_and_frees_the_target
            an_owner_renews
            targets_have_owners_of_their_own
            a_dropped_claim_is_completed_by_the_same_call
            what_was_saved_is_loaded_to_the_letter
            a_claim_answers_what_was_saved_last
            the_same_sequence_again_changes_nothing
            an_older_sequence_succeeds_and_changes_nothing
            a_later_owner_may_count_anew
            clear_forgets_the_snapshot_and_keeps_the_epoch_counted
            an_unknown_target_has_no_record
            every_record_is_listed
            records_survive_reopening
            a_damaged_record_is_refused_and_left_alone
            a_dropped_save_is_completed_by_the_same_call
        }
    };
}
