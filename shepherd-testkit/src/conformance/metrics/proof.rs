//! The suite bites.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{Cursor, Measurement, Metric, Reading, Sample, Track};
use shepherd_core::ports::{MeasureRequest, MetricsSource, PortError};

use super::MetricsFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    TellsThePast,
    NeverMovesOn,
    ForgetsTheBase,
    RefusesUnknownCursors,
    UnknownCursorsTellThePast,
    RestartTellsThePast,
    SilenceIsZero,
    MixesTracks,
    PassesNanOn,
    TellsMore,
    SupportsAll,
    ForgetsWhenDropped,
}

#[derive(Default)]
struct State {
    served: BTreeMap<Track, (u32, u32)>,
    asked: Vec<String>,
    sources: u32,
}

#[derive(Clone)]
struct Counters {
    state: Arc<Mutex<State>>,
    fault: Option<Fault>,
    nth: u32,
    plain: bool,
}

struct Fixture(Counters);

fn fixture(fault: Option<Fault>, plain: bool) -> Fixture {
    Fixture(Counters { state: Arc::default(), fault, nth: 0, plain })
}

#[async_trait]
impl MetricsFixture for Fixture {
    type Source = Counters;

    async fn open(&self) -> Opened<Counters> {
        let nth = self.0.with(|state| {
            state.sources += 1;
            state.sources
        });
        Ok(Counters { nth, ..self.0.clone() })
    }

    async fn serve(&self, track: Track, requests: u32, failed: u32) -> Opened<()> {
        self.0.with(|state| {
            let served = state.served.entry(track).or_default();
            *served = (served.0 + requests, served.1 + failed);
        });
        Ok(())
    }

    fn patience(&self) -> Patience {
        proof::little_patience()
    }

    fn share(&self) -> Option<Metric> {
        (!self.0.plain).then_some(Metric::ErrorRate)
    }
}

type Base = [(u32, u32); 2];

impl Counters {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn base(&self, state: &mut State, cursor: Option<&Cursor>, now: Base) -> Result<Base, PortError> {
        let Some(cursor) = cursor else {
            return Ok(if self.is(Fault::TellsThePast) { Base::default() } else { now });
        };
        let again = state.asked.iter().any(|asked| asked == cursor.as_str());
        state.asked.push(cursor.as_str().to_owned());
        match serde_json::from_str::<Base>(cursor.as_str()) {
            Ok(_) if self.is(Fault::ForgetsTheBase) && again => Ok(now),
            Ok(_) if self.is(Fault::RestartTellsThePast) && self.nth > 1 => Ok(Base::default()),
            Ok(base) => Ok(base),
            Err(_) if self.is(Fault::RefusesUnknownCursors) => {
                Err(PortError::permanent("proof", "bad cursor"))
            }
            Err(_) if self.is(Fault::UnknownCursorsTellThePast) => Ok(Base::default()),
            Err(_) => Ok(now),
        }
    }

    fn sample(&self, metric: &Metric, all: u32, failed: u32) -> Sample {
        match metric {
            Metric::Memory => Sample::Number(if self.is(Fault::PassesNanOn) { f64::NAN } else { 64.0 }),
            Metric::ErrorRate if all == 0 && self.is(Fault::SilenceIsZero) => {
                Sample::Share { part: 0.0, whole: 0.0 }
            }
            Metric::ErrorRate => Sample::share(f64::from(failed), f64::from(all)).unwrap_or(Sample::NoData),
            _ => Sample::NoData,
        }
    }
}

#[async_trait]
impl MetricsSource for Counters {
    fn supports(&self, metric: &Metric) -> bool {
        let known = *metric == Metric::Memory || (*metric == Metric::ErrorRate && !self.plain);
        known || self.is(Fault::SupportsAll)
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        if self.is(Fault::ForgetsWhenDropped) {
            let taken = self.with(|state| std::mem::take(&mut state.served));
            tokio::task::yield_now().await;
            self.with(|state| state.served = taken);
        }
        tokio::task::yield_now().await;
        self.with(|state| {
            let now = Track::BOTH.map(|track| state.served.get(&track).copied().unwrap_or_default());
            let base = self.base(state, request.cursor.as_ref(), now)?;
            let mut readings = Vec::new();
            let more = self.is(Fault::TellsMore).then_some(Metric::Memory);
            for metric in request.metrics.iter().chain(&more) {
                for (side, track) in Track::BOTH.into_iter().enumerate() {
                    let side = if self.is(Fault::MixesTracks) { 0 } else { side };
                    let (all, failed) =
                        (now[side].0.saturating_sub(base[side].0), now[side].1.saturating_sub(base[side].1));
                    readings.push(Reading {
                        metric: metric.clone(),
                        track,
                        sample: self.sample(metric, all, failed),
                    });
                }
            }
            let next = if self.is(Fault::NeverMovesOn) { base } else { now };
            let cursor = serde_json::to_string(&next).map_err(|_| PortError::permanent("proof", "cursor"))?;
            Ok(Measurement { cursor: Cursor::new(cursor), readings })
        })
    }
}

crate::metrics_conformance!(counters => || fixture(None, false));
crate::metrics_conformance!(plain_numbers => || fixture(None, true));

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("promises.rs")], super::PROMISES);
}

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (Fault::TellsThePast, &["the_first_answer_is_a_baseline"]),
    (
        Fault::NeverMovesOn,
        &[
            "increments_add_up",
            "another_source_goes_on_or_begins_anew",
            "tracks_are_told_apart",
            "a_dropped_question_loses_nothing",
        ],
    ),
    (
        Fault::ForgetsTheBase,
        &["the_same_cursor_answers_from_the_same_base", "a_dropped_question_loses_nothing"],
    ),
    (Fault::RefusesUnknownCursors, &["an_unknown_cursor_is_a_baseline"]),
    (Fault::UnknownCursorsTellThePast, &["an_unknown_cursor_is_a_baseline"]),
    (Fault::RestartTellsThePast, &["another_source_goes_on_or_begins_anew"]),
    (
        Fault::SilenceIsZero,
        &[
            "the_first_answer_is_a_baseline",
            "an_unknown_cursor_is_a_baseline",
            "no_traffic_is_no_data",
            "tracks_are_told_apart",
            "every_number_is_sound",
        ],
    ),
    (Fault::MixesTracks, &["tracks_are_told_apart"]),
    (Fault::PassesNanOn, &["every_number_is_sound"]),
    (Fault::TellsMore, &["only_what_was_asked_is_answered"]),
    (Fault::SupportsAll, &["an_unsupported_metric_says_so"]),
    (Fault::ForgetsWhenDropped, &["a_dropped_question_loses_nothing"]),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        proof.case(fault, proof::names(&super::broken(|| fixture(Some(*fault), false)).await), promises);
    }
    proof.covers(super::PROMISES);
}
