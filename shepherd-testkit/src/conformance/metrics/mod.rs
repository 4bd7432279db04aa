//! What every [`MetricsSource`](shepherd_core::ports::MetricsSource) promises.

mod bench;
mod fixture;
mod promises;
#[cfg(test)]
mod proof;

pub use fixture::MetricsFixture;
pub use promises::*;

crate::conformance::suite::suite!(__metrics_promises metrics MetricsFixture);

/// One test for each promise of a source of metrics, in a module `metrics_conformance`, or one of your own name:
/// `metrics_conformance!(this_one => Fixture::new)`. The argument makes a fresh
/// [fixture](crate::conformance::metrics::MetricsFixture) for each test.
#[macro_export]
macro_rules! metrics_conformance {
    ($name:ident => $make:expr) => {
        $crate::__metrics_promises!(__conformance_tests { $name metrics $make });
    };
    ($make:expr) => {
        $crate::metrics_conformance!(metrics_conformance => $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __metrics_promises {
    ($callback:ident $arguments:tt) => {
        $crate::$callback! { $arguments
            the_first_answer_is_a_baseline
            increments_add_up
            the_same_cursor_answers_from_the_same_base
            an_unknown_cursor_is_a_baseline
            another_source_goes_on_or_begins_anew
            no_traffic_is_no_data
            tracks_are_told_apart
            every_number_is_sound
            only_what_was_asked_is_answered
            an_unsupported_metric_says_so
            a_dropped_question_loses_nothing
        }
    };
}
