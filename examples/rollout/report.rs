//! What is told at the end: a few sentences for people, one line of JSON for programs.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;
use shepherd_core::driver::Stopped;
use shepherd_core::machine::{Cause, Ending, Outcome, Report};

use crate::drive::End;
use crate::ground::load::Totals;
use crate::ground::proxy::Counts;

/// A request that takes longer hurts, though it succeeds.
const PATIENCE: Duration = Duration::from_millis(250);

/// What this process saw of the rollout.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) totals: Totals,
    /// What the proxy sent to the candidate.
    pub(crate) met: Counts,
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
        let _ = match outcome {
            Outcome::Promoted(report) => too_late(&mut text, report),
            _ => cause(&mut text, outcome).and_then(|()| aftermath(&mut text, seen)),
        };
    }
    let _ = write!(text, "\n  requests  {}", requests(&seen.totals));
    text
}

fn too_late(text: &mut String, report: &Report) -> std::fmt::Result {
    report.next.as_ref().map_or(Ok(()), |next| {
        write!(
            text,
            "\n  note      the abort of {} came too late; to return, roll {} out",
            next.by, next.revision
        )
    })
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
        End::Outcome(outcome) => format!("\n{} was {}", outcome.report().candidate, outcome.ending()),
        End::Stopped(stopped) => format!("\n{}", stuck(stopped)),
        End::Left => "\nLeft in the middle. With --state, the same command goes on.".to_owned(),
    }
}

fn cause(text: &mut String, outcome: &Outcome) -> std::fmt::Result {
    let report = outcome.report();
    let Some(Cause::Guard(finding)) = &report.cause else {
        return write!(text, "\n  why       {}, during {}", outcome.why(), report.stage);
    };
    let since = Duration::from_millis(finding.since.as_millis());
    write!(text, "\n  guard     {}", finding.guard)?;
    write!(text, "\n  saw       {}", finding.saw)?;
    write!(text, "\n  since     {:.1}s after the start, during {}", since.as_secs_f64(), report.stage)
}

fn aftermath(text: &mut String, seen: &Seen) -> std::fmt::Result {
    let Seen { totals, met, trigger_to_off, .. } = seen;
    let (failed, slow) = (totals.failed, totals.latencies.above(PATIENCE));
    write!(
        text,
        "\n  hurt      {failed} requests failed, {slow} took longer than {}ms",
        PATIENCE.as_millis()
    )?;
    write!(text, "; {} met the candidate", met.requests)?;
    match trigger_to_off {
        Some(time) if time.is_zero() => write!(text, "\n  off       less than 1 ms after the decision"),
        Some(time) => write!(text, "\n  off       {} ms after the decision", time.as_millis()),
        None => Ok(()),
    }
}

fn requests(totals: &Totals) -> String {
    let Totals { requests, failed, latencies, first_failure } = totals;
    let p95 = latencies.percentile(95).as_secs_f64() * 1000.0;
    let first = first_failure.as_ref().map_or_else(String::new, |first| format!(", the first: {first}"));
    format!("{requests}, {failed} failed{first}; p95 {p95:.1}ms")
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
