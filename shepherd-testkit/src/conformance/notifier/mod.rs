//! What every [`Notifier`](shepherd_core::ports::Notifier) promises.

mod fixture;
mod promises;
#[cfg(test)]
mod proof;

pub use fixture::NotifierFixture;
pub use promises::*;

crate::conformance::suite::suite!(__notifier_promises notifier NotifierFixture);

/// One test for each promise of a notifier, in a module `notifier_conformance`, or one of your own name:
/// `notifier_conformance!(this_one => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::notifier::NotifierFixture) for each test.
#[macro_export]
macro_rules! notifier_conformance {
    ($name:ident => $make:expr) => {
        $crate::__notifier_promises!(__conformance_tests { $name notifier $make });
    };
    ($make:expr) => {
        $crate::notifier_conformance!(notifier_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __notifier_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            what_is_told_is_heard
            every_kind_of_event_can_be_told
            the_same_notice_may_be_told_again
            what_cannot_be_told_is_an_error
            what_failed_can_be_told_later
            a_dropped_notice_can_be_told_again
            several_are_told_at_once
        }
    };
}
