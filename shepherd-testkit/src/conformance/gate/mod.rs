//! What every [`HealthGate`](shepherd_core::ports::HealthGate) promises.

mod fixture;
mod promises;
#[cfg(test)]
mod proof;

pub use fixture::{GateFixture, Health};
pub use promises::*;

crate::conformance::suite::suite!(__gate_promises gate GateFixture);

/// One test for each promise of a health gate, in a module `gate_conformance`, or one of your own name:
/// `gate_conformance!(this_one => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::gate::GateFixture) for each test.
#[macro_export]
macro_rules! gate_conformance {
    ($name:ident => $make:expr) => {
        $crate::__gate_promises!(__conformance_tests { $name gate $make });
    };
    ($make:expr) => {
        $crate::gate_conformance!(gate_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __gate_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            what_is_well_passes
            what_is_ill_fails
            what_cannot_be_asked_is_no_verdict
            a_verdict_is_of_now
            a_verdict_has_a_reason
            asking_changes_nothing
            a_dropped_question_can_be_asked_again
            several_may_ask_at_once
        }
    };
}
