use shepherd_core::model::{Cursor, FailureKind, Metric, Sample, Track};
use shepherd_core::ports::{MeasureRequest, MetricsSource};

use super::MetricsFixture;
use super::bench::Bench;
use crate::conformance::Broken;
use crate::conformance::cut::{MOST_POLLS, cut};

use Track::{Candidate, Stable};

/// The first answer begins a baseline: nothing of the counters' past is told.
///
/// # Errors
/// [`Broken`] when it is.
pub async fn the_first_answer_is_a_baseline<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("the_first_answer_is_a_baseline", fixture).await?;
    bench.serve(Stable, 100, 10).await?;
    bench.serve(Candidate, 50, 5).await?;
    let first = bench.since(None).await?;
    bench.tells(&first, Stable, 0, 0)?;
    bench.tells(&first, Candidate, 0, 0)
}

/// Each answer tells what came since its cursor, so that increments add up to all that was served.
///
/// # Errors
/// [`Broken`] when some is lost, or told twice.
pub async fn increments_add_up<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("increments_add_up", fixture).await?;
    bench.serve(Stable, 100, 10).await?;
    let mut cursor = bench.baseline().await?;
    for (requests, failed) in [(40, 4), (60, 0), (7, 7)] {
        bench.serve(Stable, requests, failed).await?;
        let seen = bench.since(Some(&cursor)).await?;
        bench.tells(&seen, Stable, requests, failed)?;
        cursor = seen.cursor;
    }
    Ok(())
}

/// Asking again with the same cursor answers from the same base, since the first answer may have been lost.
///
/// # Errors
/// [`Broken`] when increments are lost with the answer.
pub async fn the_same_cursor_answers_from_the_same_base<F: MetricsFixture>(
    fixture: &F,
) -> Result<(), Broken> {
    let bench = Bench::open("the_same_cursor_answers_from_the_same_base", fixture).await?;
    let cursor = bench.baseline().await?;
    bench.serve(Stable, 40, 4).await?;
    for _ in 0..2 {
        bench.tells(&bench.since(Some(&cursor)).await?, Stable, 40, 4)?;
    }
    bench.serve(Stable, 60, 6).await?;
    bench.tells(&bench.since(Some(&cursor)).await?, Stable, 100, 10)
}

/// A cursor that the source does not know begins a baseline, whatever text it is.
///
/// # Errors
/// [`Broken`] when it is an error, or the counters' past.
pub async fn an_unknown_cursor_is_a_baseline<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_unknown_cursor_is_a_baseline", fixture).await?;
    bench.serve(Stable, 100, 10).await?;
    for text in ["", "no cursor of yours", "{\"a\":", "18446744073709551616"] {
        let first = bench.since(Some(&Cursor::new(text))).await?;
        bench.tells(&first, Stable, 0, 0)?;
        bench.serve(Stable, 40, 4).await?;
        bench.tells(&bench.since(Some(&first.cursor)).await?, Stable, 40, 4)?;
    }
    Ok(())
}

/// Another process goes on from a cursor or begins anew; it never tells what was told, nor the counters' past.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn another_source_goes_on_or_begins_anew<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let mut bench = Bench::open("another_source_goes_on_or_begins_anew", fixture).await?;
    bench.serve(Stable, 100, 10).await?;
    let cursor = bench.baseline().await?;
    bench.serve(Stable, 40, 4).await?;
    bench.source = bench.promise.opened(fixture.open().await)?;
    let seen = bench.since(Some(&cursor)).await?;
    bench.tells(&seen, Stable, 0, 0).or_else(|_| bench.tells(&seen, Stable, 40, 4))?;
    bench.serve(Stable, 7, 1).await?;
    bench.tells(&bench.since(Some(&seen.cursor)).await?, Stable, 7, 1)
}

/// Without requests there is no data, and not zero.
///
/// # Errors
/// [`Broken`] when silence is a number.
pub async fn no_traffic_is_no_data<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("no_traffic_is_no_data", fixture).await?;
    bench.serve(Stable, 100, 10).await?;
    let cursor = bench.baseline().await?;
    let seen = bench.since(Some(&cursor)).await?;
    bench.tells(&seen, Stable, 0, 0)?;
    bench.tells(&seen, Candidate, 0, 0)
}

/// The two sides are told apart.
///
/// # Errors
/// [`Broken`] when one's requests are told of the other.
pub async fn tracks_are_told_apart<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("tracks_are_told_apart", fixture).await?;
    let first = bench.baseline().await?;
    bench.serve(Candidate, 20, 5).await?;
    let seen = bench.since(Some(&first)).await?;
    bench.tells(&seen, Stable, 0, 0)?;
    bench.tells(&seen, Candidate, 20, 5)?;
    bench.serve(Stable, 80, 1).await?;
    bench.serve(Candidate, 10, 10).await?;
    let seen = bench.since(Some(&seen.cursor)).await?;
    bench.tells(&seen, Stable, 80, 1)?;
    bench.tells(&seen, Candidate, 10, 10)
}

/// Every number can be decided by: no NaN, nothing negative, no share of nothing.
///
/// # Errors
/// [`Broken`] when one cannot.
pub async fn every_number_is_sound<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("every_number_is_sound", fixture).await?;
    let mut seen = bench.since(None).await?;
    bench.sound(&seen)?;
    for (requests, failed) in [(0, 0), (1, 0), (3, 3), (0, 0)] {
        if requests > 0 {
            bench.serve(Candidate, requests, failed).await?;
        }
        seen = bench.since(Some(&seen.cursor)).await?;
        bench.sound(&seen)?;
    }
    Ok(())
}

/// What was asked is answered, each metric of each side at most once, and nothing else.
///
/// # Errors
/// [`Broken`] when there is more.
pub async fn only_what_was_asked_is_answered<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("only_what_was_asked_is_answered", fixture).await?;
    bench.serve(Stable, 10, 1).await?;
    let some = bench.supported();
    bench.promise.holds(!some.is_empty(), "the source supports no metric at all")?;
    for metric in some {
        let question = MeasureRequest::new(vec![metric.clone()], None);
        let seen = bench.promise.done("measuring", || bench.source.measure(&question)).await?;
        for track in Track::BOTH {
            let of =
                seen.readings.iter().filter(|reading| reading.track == track && reading.metric == metric);
            let often = of.count();
            bench.promise.holds(often <= 1, format_args!("{metric} of {track} is there {often} times"))?;
        }
        let other = seen.readings.iter().find(|reading| reading.metric != metric);
        bench.promise.holds(other.is_none(), format_args!("{other:?} was not asked for"))?;
    }
    Ok(())
}

/// A metric that the source cannot measure is not supported, always so, and never a number.
///
/// # Errors
/// [`Broken`] when it is.
pub async fn an_unsupported_metric_says_so<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("an_unsupported_metric_says_so", fixture).await?;
    let supported = bench.supported();
    let unknown = Metric::Query("no-source-has-a-query-of-this-name".to_owned());
    bench
        .promise
        .holds(!bench.source.supports(&unknown), format_args!("{unknown} is said to be supported"))?;
    let question = MeasureRequest::new(vec![unknown.clone()], None);
    match bench.promise.settled(|| bench.source.measure(&question)).await {
        Err(error) => bench.promise.same("the failure", &error.kind(), &FailureKind::Unsupported)?,
        Ok(seen) => {
            for track in Track::BOTH {
                let sample = seen.sample(&unknown, track);
                bench.promise.same("what is not measured", sample, &Sample::NoData)?;
            }
        }
    }
    bench.promise.same("what is supported", &bench.supported(), &supported)
}

/// A question that is dropped at any await can be asked again, and loses no increment.
///
/// # Errors
/// [`Broken`] when it does.
pub async fn a_dropped_question_loses_nothing<F: MetricsFixture>(fixture: &F) -> Result<(), Broken> {
    let bench = Bench::open("a_dropped_question_loses_nothing", fixture).await?;
    let mut cursor = bench.baseline().await?;
    for polls in 1..=MOST_POLLS {
        bench.serve(Stable, 10, 1).await?;
        let question = bench.question(Some(&cursor));
        let answer = cut(polls, bench.source.measure(&question)).await;
        let seen = bench.since(Some(&cursor)).await?;
        bench.tells(&seen, Stable, 10, 1)?;
        cursor = seen.cursor;
        if answer.is_some() {
            break;
        }
    }
    Ok(())
}
