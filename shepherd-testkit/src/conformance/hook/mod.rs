//! What every [`Hook`](shepherd_core::ports::Hook) promises.

mod fixture;
mod promises;
#[cfg(test)]
mod proof;

pub use fixture::HookFixture;
pub use promises::*;

crate::conformance::suite::suite!(__hook_promises hook HookFixture);

/// One test for each promise of a hook, in a module `hook_conformance`, or one of your own name:
/// `hook_conformance!(this_one => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::hook::HookFixture) for each test.
#[macro_export]
macro_rules! hook_conformance {
    ($name:ident => $make:expr) => {
        $crate::__hook_promises!(__conformance_tests { $name hook $make });
    };
    ($make:expr) => {
        $crate::hook_conformance!(hook_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __hook_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            a_run_takes_hold
            the_same_run_again_takes_hold_once
            another_run_takes_hold_too
            a_run_that_fails_is_an_error
            a_run_that_failed_can_be_run_again
            a_dropped_run_is_completed_by_the_same_run
        }
    };
}
