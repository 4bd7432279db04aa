//! What is told at the end: a few sentences for people, one line of JSON for programs.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use shepherd_core::driver::Stopped;
use shepherd_core::machine::{Cause, Ending, Outcome, Report};

use crate::drive::End;
use crate::ground::load::Totals;

/// A request that takes longer hurts, though it succeeds.
const PATIENCE: Duration = Duration::from_millis(250);

/// What this process saw of the rollout.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) totals: Totals,
    /// From the decision to take the candidate back until nobody met it.
    pub(crate) trigger_to_off: Option<Duration>,
    pub(crate) lasted: Duration,
}

/// The last line on stdout for programs.
#[derive(Serialize)]
pub(crate) struct Summary {
    outcome: &'static str,
    reason: String,
    requests: u64,
    failed: u64,
    trigger_to_off_ms: Option<u64>,
    duration_ms: u64,
}

impl Summary {
    pub(crate) fn of(end: &End, seen: &Seen) -> Self {
        let (outcome, reason) = match end {
            End::Outcome(outcome) => (word(outcome.ending()), outcome.why()),
            End::Stopped(stopped) => ("failed", stuck(stopped)),
            End::Left => ("failed", "it was left by a second Ctrl-C".to_owned()),
        };
        Self::new(outcome, reason, seen)
    }

    /// For a process that came to no end of its rollout.
    pub(crate) fn failed(reason: String) -> Self {
        Self::new("failed", reason, &Seen::default())
    }

    fn new(outcome: &'static str, reason: String, seen: &Seen) -> Self {
        Self {
            outcome,
            reason,
            requests: seen.totals.requests,
            failed: seen.totals.failed,
            trigger_to_off_ms: seen.trigger_to_off.map(millis),
            duration_ms: millis(seen.lasted),
        }
    }
}

/// 0 promoted, 1 taken back, 3 could not go on.
pub(crate) fn exit_code(end: &End) -> u8 {
    match end {
        End::Outcome(Outcome::Promoted(_)) => 0,
        End::Outcome(Outcome::RolledBack(_) | Outcome::Aborted(_)) => 1,
        _ => 3,
    }
}

pub(crate) fn for_people(end: &End, seen: &Seen) -> String {
    let mut text = headline(end);
    if let End::Outcome(outcome) = end {
        // Writing to a string does not fail.
        let _ = cause(&mut text, outcome.report());
        let _ = aftermath(&mut text, outcome, seen);
    }
    let _ = write!(text, "\n  {}", requests(&seen.totals));
    text
}

/// For a rollout that had ended before this process began.
pub(crate) fn ended_already(outcome: &Outcome) -> String {
    let Report { candidate, ended, .. } = outcome.report();
    let how = match outcome.ending() {
        Ending::Promoted => "was promoted".to_owned(),
        ending => format!("was {ending}"),
    };
    format!(
        "{candidate} {how} already, at {ended}: {}. Nothing was changed; to roll out anew, name another directory.",
        outcome.why()
    )
}

fn headline(end: &End) -> String {
    match end {
        End::Outcome(Outcome::Promoted(report)) => format!("\n{} was promoted.", report.candidate),
        End::Outcome(outcome) => {
            format!("\n{} was {}: {}", outcome.report().candidate, outcome.ending(), outcome.why())
        }
        End::Stopped(stopped) => format!("\n{}", stuck(stopped)),
        End::Left => "\nLeft in the middle. With --state, the same command goes on.".to_owned(),
    }
}

fn cause(text: &mut String, report: &Report) -> std::fmt::Result {
    if let Some(Cause::Guard(finding)) = &report.cause {
        let since = Duration::from_millis(finding.since.as_millis());
        writeln!(text, "\n  guard   {}", finding.guard)?;
        writeln!(text, "  saw     {}", finding.saw)?;
        write!(text, "  since   {:.1}s after the start, during {}", since.as_secs_f64(), report.stage)?;
    } else if report.cause.is_some() {
        write!(text, "\n  during  {}", report.stage)?;
    }
    Ok(())
}

fn aftermath(text: &mut String, outcome: &Outcome, seen: &Seen) -> std::fmt::Result {
    if let Some(next) = &outcome.report().next {
        write!(text, "\n  {} came too late to take it back: roll {} out to return", next.by, next.revision)?;
    }
    if outcome.ending() == Ending::Promoted {
        return Ok(());
    }
    let slow = seen.totals.latencies.above(PATIENCE);
    write!(
        text,
        "\n  hurt    {} requests failed, {slow} took longer than {}ms",
        seen.totals.failed,
        PATIENCE.as_millis()
    )?;
    match seen.trigger_to_off {
        Some(time) => write!(text, "\n  off     {} ms after the decision", time.as_millis()),
        None => Ok(()),
    }
}

fn requests(totals: &Totals) -> String {
    let Totals { requests, failed, latencies, first_failure } = totals;
    let p95 = latencies.percentile(95).as_secs_f64() * 1000.0;
    let first = first_failure.as_ref().map_or_else(String::new, |first| format!(", the first: {first}"));
    format!("{requests} requests, {failed} failed{first}; p95 {p95:.1}ms")
}

fn stuck(stopped: &Stopped) -> String {
    format!("It could not go on: {stopped}")
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Promoted => "promoted",
        Ending::RolledBack => "rolled_back",
        Ending::Aborted => "aborted",
        _ => "failed",
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
