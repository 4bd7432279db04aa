//! What every [`Clock`](shepherd_core::ports::Clock) promises.

mod fixture;
mod promises;
#[cfg(test)]
mod proof;

pub use fixture::ClockFixture;
pub use promises::*;

crate::conformance::suite::suite!(__clock_promises clock ClockFixture);

/// One test for each promise of a clock, in a module `clock_conformance`, or one of your own name:
/// `clock_conformance!(this_one => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::clock::ClockFixture) for each test.
#[macro_export]
macro_rules! clock_conformance {
    ($name:ident => $make:expr) => {
        $crate::__clock_promises!(__conformance_tests { $name clock $make });
    };
    ($make:expr) => {
        $crate::clock_conformance!(clock_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __clock_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            elapsed_never_goes_back
            sleep_is_never_shorter_than_asked
            several_sleep_at_once
            a_dropped_sleep_shortens_no_other
        }
    };
}
