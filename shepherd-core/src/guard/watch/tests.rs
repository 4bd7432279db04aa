use proptest::prelude::*;

use super::*;
use crate::guard::{GuardAction, Limit};
use crate::model::{Bucket, Cursor, FailureKind, Histogram, Metric, Quantile, Reading, Sample, Track};

const GAP: Duration = Duration::from_secs(15);

fn guard(text: &str) -> Guard {
    text.parse().unwrap()
}

fn share(percent: f64) -> Sample {
    Sample::Share { part: percent, whole: 100.0 }
}

fn measurement(samples: &[(Metric, Track, Sample)]) -> Measurement {
    let reading = |(metric, track, sample): &(Metric, Track, Sample)| Reading {
        metric: metric.clone(),
        track: *track,
        sample: sample.clone(),
    };
    Measurement { cursor: Cursor::new(""), readings: samples.iter().map(reading).collect() }
}

fn errors(candidate: Sample, stable: Sample) -> Measurement {
    measurement(&[
        (Metric::ErrorRate, Track::Stable, stable),
        (Metric::ErrorRate, Track::Candidate, candidate),
    ])
}

fn failure() -> Failure {
    Failure::new(FailureKind::Transient, "prometheus", "timed out")
}

/// A guard and its state, watched from second to second.
struct Watch {
    guard: Guard,
    state: GuardState,
}

impl Watch {
    fn new(guard: Guard) -> Self {
        Self { state: GuardState::of(&guard), guard }
    }

    fn see(&mut self, second: u64, reading: Result<&Measurement, &Failure>) -> GuardVerdict {
        self.state.observe(&self.guard, Elapsed::from_millis(second * 1000), reading, GAP)
    }

    fn percent(&mut self, second: u64, candidate: f64) -> GuardVerdict {
        self.see(second, Ok(&errors(share(candidate), share(0.1))))
    }

    fn nothing(&mut self, second: u64) -> GuardVerdict {
        self.see(second, Ok(&measurement(&[])))
    }
}

fn fired(verdict: GuardVerdict) -> Finding {
    match verdict {
        GuardVerdict::Fired(finding) => finding,
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_for_the_first_true_reading_fires() {
    let mut watch = Watch::new(guard("error_rate > 5%"));
    assert_eq!(watch.percent(0, 5.0), GuardVerdict::Clear);
    let finding = fired(watch.percent(10, 21.3));
    assert_eq!(finding.to_string(), "error_rate > 5%: error_rate was 21.3% on candidate");
    assert_eq!((finding.since, finding.held), (Elapsed::from_millis(10_000), Duration::ZERO));
    assert_eq!(finding.action, GuardAction::RollBack);
}

#[test]
fn a_comparison_with_stable_shows_both_and_needs_both() {
    let mut watch = Watch::new(guard("error_rate > 2x stable"));
    assert_eq!(watch.percent(0, 0.2), GuardVerdict::Clear);
    let finding = fired(watch.percent(10, 0.3));
    assert_eq!(finding.saw, "error_rate was 0.3% on candidate, 0.1% on stable");
    let missing = errors(share(90.0), Sample::NoData);
    assert_eq!(watch.see(20, Ok(&missing)), GuardVerdict::Unknown);
}

#[test]
fn for_is_begun_anew_by_a_false_reading() {
    let mut watch = Watch::new(guard("error_rate > 5% for 20s"));
    assert_eq!(watch.percent(0, 9.0), GuardVerdict::Holding);
    assert_eq!(watch.percent(10, 9.0), GuardVerdict::Holding);
    assert_eq!(watch.percent(15, 1.0), GuardVerdict::Clear);
    assert_eq!(watch.percent(20, 9.0), GuardVerdict::Holding);
    assert_eq!(watch.percent(30, 9.0), GuardVerdict::Holding);
    let finding = fired(watch.percent(40, 9.0));
    assert_eq!(finding.since, Elapsed::from_millis(20_000));
    assert_eq!(finding.held, Duration::from_secs(20));
}

#[test]
fn for_stands_still_while_nothing_is_known() {
    let mut watch = Watch::new(guard("error_rate > 5% for 20s"));
    watch.percent(0, 9.0);
    assert_eq!(watch.percent(10, 9.0), GuardVerdict::Holding);
    assert_eq!(watch.nothing(15), GuardVerdict::Unknown);
    assert_eq!(watch.percent(20, 9.0), GuardVerdict::Holding);
    fired(watch.percent(30, 9.0));
}

#[test]
fn for_gains_nothing_in_a_gap() {
    let mut watch = Watch::new(guard("error_rate > 5% for 20s"));
    watch.percent(0, 9.0);
    assert_eq!(watch.percent(100, 9.0), GuardVerdict::Holding);
    assert_eq!(watch.percent(90, 9.0), GuardVerdict::Holding, "time ran backwards");
    assert_eq!(watch.percent(105, 9.0), GuardVerdict::Holding);
    fired(watch.percent(110, 9.0));
}

#[test]
fn for_on_a_group_needs_all_of_it_at_once() {
    let mut watch = Watch::new(guard("(error_rate > 1% and p99 > 2s) for 10s or error_rate > 20%"));
    let both = |percent: f64, seconds: f64| {
        measurement(&[
            (Metric::ErrorRate, Track::Candidate, share(percent)),
            (Metric::Latency(Quantile::P99), Track::Candidate, Sample::Number(seconds)),
        ])
    };
    assert_eq!(watch.see(0, Ok(&both(2.0, 3.0))), GuardVerdict::Holding);
    assert_eq!(watch.see(5, Ok(&both(2.0, 1.0))), GuardVerdict::Clear);
    assert_eq!(watch.see(10, Ok(&both(2.0, 3.0))), GuardVerdict::Holding);
    let finding = fired(watch.see(20, Ok(&both(2.0, 3.0))));
    assert_eq!(finding.saw, "error_rate was 2% on candidate; p99 was 3s on candidate");
    let mut watch = Watch::new(guard("(error_rate > 1% and p99 > 2s) for 10s or error_rate > 20%"));
    fired(watch.percent(0, 21.0));
}

#[test]
fn a_finding_comes_once_until_clear() {
    let mut watch = Watch::new(guard("error_rate > 5%").then(GuardAction::Tell));
    fired(watch.percent(0, 9.0));
    assert_eq!(watch.percent(1, 9.0), GuardVerdict::Holding);
    assert_eq!(watch.nothing(2), GuardVerdict::Unknown);
    assert_eq!(watch.percent(3, 9.0), GuardVerdict::Holding);
    assert_eq!(watch.percent(4, 1.0), GuardVerdict::Clear);
    fired(watch.percent(5, 9.0));
}

#[test]
fn being_blind_has_a_limit_and_does_not_hide_the_condition() {
    let limit = Limit::new(Duration::from_secs(20), GuardAction::Tell);
    let mut watch = Watch::new(guard("error_rate > 5%").no_data(limit));
    assert_eq!(watch.nothing(0), GuardVerdict::Unknown);
    assert_eq!(watch.nothing(10), GuardVerdict::Unknown);
    let finding = fired(watch.nothing(20));
    assert_eq!((finding.kind, finding.action), (FindingKind::NoData, GuardAction::Tell));
    assert_eq!(
        finding.to_string(),
        "error_rate > 5%: error_rate on candidate had no data, could not be judged for 20s"
    );
    assert_eq!(watch.nothing(30), GuardVerdict::Unknown);
    assert_eq!(fired(watch.percent(40, 9.0)).kind, FindingKind::Condition);
}

#[test]
fn a_definite_reading_ends_blindness_and_a_gap_does_not_count() {
    let limit = Limit::new(Duration::from_secs(20), GuardAction::Pause);
    let mut watch = Watch::new(guard("error_rate > 5%").no_data(limit));
    watch.nothing(0);
    watch.nothing(10);
    assert_eq!(watch.percent(15, 1.0), GuardVerdict::Clear);
    assert_eq!(watch.nothing(20), GuardVerdict::Unknown);
    assert_eq!(watch.nothing(100), GuardVerdict::Unknown);
    assert_eq!(watch.nothing(110), GuardVerdict::Unknown);
    assert_eq!(fired(watch.nothing(120)).since, Elapsed::from_millis(20_000));
}

#[test]
fn kinds_of_blindness_that_take_turns_are_no_way_around_the_limits() {
    let limit = Limit::new(Duration::from_secs(20), GuardAction::Pause);
    let mut watch = Watch::new(guard("error_rate > 5%").no_data(limit).provider_error(limit));
    assert_eq!(watch.nothing(0), GuardVerdict::Unknown);
    assert_eq!(watch.see(10, Err(&failure())), GuardVerdict::Unknown);
    assert_eq!(fired(watch.nothing(20)).kind, FindingKind::NoData);
    let finding = fired(watch.see(30, Err(&failure())));
    assert_eq!(
        (finding.kind, finding.saw.as_str()),
        (FindingKind::ProviderError, "prometheus: timed out (transient)")
    );
}

#[test]
fn what_cannot_be_a_reading_is_an_error_of_the_source() {
    let at_once = Limit::new(Duration::ZERO, GuardAction::Pause);
    let cases = [
        (Sample::Number(0.5), "error_rate on candidate was another kind of sample than this metric has"),
        (
            Sample::Share { part: 5.0, whole: 3.0 },
            "error_rate on candidate was unusable: 5 of 3 is more than all of them",
        ),
        (
            Sample::Share { part: f64::NAN, whole: 3.0 },
            "error_rate on candidate was unusable: NaN is not a number to decide by",
        ),
    ];
    for (sample, saw) in cases {
        let mut watch = Watch::new(guard("error_rate > 5%").provider_error(at_once));
        let finding = fired(watch.see(0, Ok(&errors(sample, Sample::NoData))));
        assert_eq!((finding.kind, finding.saw.as_str()), (FindingKind::ProviderError, saw));
    }
    let mut watch = Watch::new(guard("p95 > 1s").provider_error(at_once));
    let negative = measurement(&[(Metric::Latency(Quantile::P95), Track::Candidate, Sample::Number(-1.0))]);
    assert_eq!(fired(watch.see(0, Ok(&negative))).saw, "p95 on candidate was -1, which it cannot be");
}

#[test]
fn too_few_requests_on_either_track_are_inconclusive() {
    let at_once = Limit::new(Duration::ZERO, GuardAction::Pause);
    let few = Sample::Share { part: 1.0, whole: 3.0 };
    let watch = |text: &str| Watch::new(guard(text).min_requests(10).inconclusive(at_once));
    let finding = fired(watch("error_rate > 5%").see(0, Ok(&errors(few.clone(), share(0.1)))));
    assert_eq!(finding.saw, "error_rate on candidate was of 3 requests where 10 are needed");
    let finding = fired(watch("error_rate > 2x stable").see(0, Ok(&errors(share(1.0), few.clone()))));
    assert_eq!(finding.saw, "error_rate on stable was of 3 requests where 10 are needed");
    let checks = measurement(&[(Metric::HealthCheckFailures, Track::Candidate, few)]);
    assert_eq!(watch("health_check_failures > 50%").see(0, Ok(&checks)), GuardVerdict::Clear);
}

#[test]
fn where_none_are_asked_for_part_of_a_request_is_enough() {
    let part = Sample::Share { part: 0.1, whole: 0.5 };
    let at_once = Limit::new(Duration::ZERO, GuardAction::Pause);
    let watch = |needed| guard("error_rate > 50%").min_requests(needed).inconclusive(at_once);
    let see = |needed: u64| Watch::new(watch(needed)).see(0, Ok(&errors(part.clone(), Sample::NoData)));
    assert_eq!(fired(see(1)).kind, FindingKind::Inconclusive);
    assert_eq!(see(0), GuardVerdict::Clear);
}

#[test]
fn beyond_the_last_bucket_it_is_not_clear() {
    let at_once = Limit::new(Duration::ZERO, GuardAction::Pause);
    let slow = Histogram::new([Bucket { at_most: 1.0, count: 1.0 }], 100.0).unwrap();
    let slow = measurement(&[(Metric::Latency(Quantile::P95), Track::Candidate, Sample::Histogram(slow))]);
    let mut watch = Watch::new(guard("p95 > 5s").inconclusive(at_once));
    let finding = fired(watch.see(0, Ok(&slow)));
    assert_eq!(finding.saw, "p95 was more than 1s on candidate, too far for its histogram to tell");
    fired(Watch::new(guard("p95 > 500ms")).see(0, Ok(&slow)));
    assert_eq!(Watch::new(guard("p95 < 500ms")).see(0, Ok(&slow)), GuardVerdict::Clear);
}

#[test]
fn limits_follow_the_action_unless_set() {
    let told = guard("error_rate > 5%").then(GuardAction::Tell);
    assert!(Blindness::ALL.iter().all(|blindness| told.limit(*blindness).then == GuardAction::Tell));
    let usual = guard("error_rate > 5%");
    assert_eq!(usual.limit(Blindness::NoData), Limit::new(Duration::from_mins(5), GuardAction::RollBack));
    assert_eq!(usual.limit(Blindness::Inconclusive), Limit::new(Duration::from_mins(10), GuardAction::Pause));
}

#[test]
fn a_guard_reads_back_and_refuses_what_it_does_not_know() {
    let limit = Limit::new(Duration::from_secs(90), GuardAction::Pause);
    let guard = guard("error_rate > 5% for 2m").then(GuardAction::Pause).no_data(limit).min_requests(7);
    let json = serde_json::to_string(&guard).unwrap();
    assert_eq!(serde_json::from_str::<Guard>(&json).unwrap(), guard);
    let plain: Guard = serde_json::from_str(r#"{"condition": "error_rate > 5%"}"#).unwrap();
    assert_eq!(plain, "error_rate > 5%".parse().unwrap());
    assert!(serde_json::from_str::<Guard>(r#"{"condition": "error_rate > 5%", "min_request": 3}"#).is_err());
}

#[test]
fn progress_says_how_near_it_is() {
    let mut watch = Watch::new(guard("error_rate > 5% for 20s"));
    let progress = watch.state.progress(&watch.guard);
    assert!(progress.share.abs() < 1e-9 && progress.comparisons[0].candidate.is_none());
    watch.percent(0, 2.5);
    assert!((watch.state.progress(&watch.guard).share - 0.25).abs() < 1e-9);
    watch.percent(10, 9.0);
    watch.percent(20, 9.0);
    let progress = watch.state.progress(&watch.guard);
    assert!((progress.share - 0.75).abs() < 1e-9);
    assert_eq!((progress.held, progress.needed), (Duration::from_secs(10), Duration::from_secs(20)));
    let seen = &progress.comparisons[0];
    assert_eq!((seen.metric.as_str(), seen.threshold.as_str()), ("error_rate", "> 5%"));
    assert_eq!((seen.candidate.as_deref(), seen.holds), (Some("9%"), Some(true)));
    watch.percent(30, 9.0);
    assert!((watch.state.progress(&watch.guard).share - 1.0).abs() < 1e-9);
    watch.nothing(35);
    assert_eq!(watch.state.progress(&watch.guard).unknown_since, Some(Elapsed::from_millis(35_000)));
}

#[test]
fn a_state_of_another_guard_begins_anew() {
    let mut watch = Watch::new(guard("error_rate > 5% for 10s"));
    watch.percent(0, 9.0);
    watch.guard = guard("error_rate > 5% for 10s and error_rate > 6% for 10s");
    assert_eq!(watch.percent(10, 9.0), GuardVerdict::Holding);
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![
        4 => (0u32..30).prop_map(|percent| share(f64::from(percent))),
        1 => Just(Sample::NoData),
        1 => Just(Sample::Number(0.3)),
        1 => Just(Sample::Share { part: 1.0, whole: 2.0 }),
        1 => Just(Sample::Share { part: 1.0, whole: f64::NAN }),
    ]
}

/// Seconds since the reading before, and the reading; none is a failure of the source.
fn script() -> impl Strategy<Value = Vec<(u64, Option<Measurement>)>> {
    let both = (sample(), sample()).prop_map(|(candidate, stable)| errors(candidate, stable));
    prop::collection::vec((0u64..25, prop::option::weighted(0.9, both)), 1..60)
}

fn any_guard() -> impl Strategy<Value = Guard> {
    let texts = vec![
        "error_rate > 5%",
        "error_rate > 5% for 20s",
        "error_rate > 2x stable for 30s",
        "(error_rate > 5% and error_rate > 2x stable) for 20s or error_rate > 20%",
        "error_rate > 10% for 10s and error_rate > 0.5x stable for 20s",
        "((error_rate > 5% for 10s or error_rate > 9%) and error_rate >= 1x stable) for 30s",
    ];
    (prop::sample::select(texts), 0u64..60).prop_map(|(text, seconds)| {
        let limit = Limit::new(Duration::from_secs(seconds), GuardAction::Pause);
        guard(text).min_requests(3).no_data(limit).provider_error(limit).inconclusive(limit)
    })
}

fn run(
    guard: &Guard,
    script: &[(u64, Option<Measurement>)],
    mut each: impl FnMut(u64, &mut GuardState, GuardVerdict),
) {
    let (mut second, mut state, failure) = (0, GuardState::of(guard), failure());
    for (later, reading) in script {
        second += later;
        let at = Elapsed::from_millis(second * 1000);
        let verdict = state.observe(guard, at, reading.as_ref().ok_or(&failure), GAP);
        each(second, &mut state, verdict);
    }
}

proptest! {
    #[test]
    fn a_restart_at_any_point_changes_no_verdict(guard in any_guard(), script in script()) {
        let mut straight = Vec::new();
        run(&guard, &script, |_, _, verdict| straight.push(verdict));
        let mut restarted = Vec::new();
        run(&guard, &script, |_, state, verdict| {
            let json = serde_json::to_string(state).unwrap();
            let back: GuardState = serde_json::from_str(&json).unwrap();
            assert_eq!(back, *state);
            *state = back;
            restarted.push(verdict);
        });
        prop_assert_eq!(straight, restarted);
    }

    #[test]
    fn what_is_never_known_is_never_clear_nor_held(guard in any_guard(), script in script()) {
        let blind = |reading: &Option<Measurement>| reading.as_ref().map(|_| measurement(&[]));
        let script: Vec<_> = script.iter().map(|(later, reading)| (*later, blind(reading))).collect();
        run(&guard, &script, |_, _, verdict| match verdict {
            GuardVerdict::Unknown => {}
            GuardVerdict::Fired(finding) => assert_ne!(finding.kind, FindingKind::Condition),
            other => panic!("{other:?}"),
        });
    }

    #[test]
    fn what_is_always_false_never_fires(guard in any_guard(), times in prop::collection::vec(0u64..25, 1..40)) {
        let script: Vec<_> = times.iter().map(|later| (*later, Some(errors(share(0.0), share(50.0))))).collect();
        run(&guard, &script, |_, _, verdict| assert_eq!(verdict, GuardVerdict::Clear));
    }

    #[test]
    fn nothing_is_held_for_longer_than_time_went_by(guard in any_guard(), script in script()) {
        run(&guard, &script, |second, _, verdict| if let GuardVerdict::Fired(finding) = verdict {
            assert!(finding.held <= Elapsed::from_millis(second * 1000).since(finding.since), "{finding:?}");
        });
    }
}
