//! A rollout that runs, told line by line until its end.

use std::fmt::Display;
use std::time::{Duration, Instant};

use shepherd_core::driver::Handle;
use shepherd_core::machine::{Happening, Outcome, Phase, WaitingFor};
use shepherd_core::model::{Actor, NameError};
use shepherd_core::ports::{Clock, SystemClock};
use tokio::time::timeout;

use super::Trouble;
use super::interrupts::Interrupts;
use super::say::say;

/// After so long without a word people are told what is waited for; and again after so many times as long.
const QUIET: Duration = Duration::from_secs(10);
const AGAIN: u32 = 6;

/// These programs have no lever that resumes.
const PAUSED: &str =
    "it stays paused: Ctrl-C takes the candidate back, and after that the same command rolls it out anew";

pub(crate) async fn drive(handle: &Handle, interrupts: &mut Interrupts) -> Result<Outcome, Trouble> {
    let (mut events, begun) = (handle.events(), now());
    let done = handle.done();
    tokio::pin!(done);
    let (clock, mut told, mut quiet) = (SystemClock::new(), String::new(), 0);
    let line = |what: &dyn Display| say(format_args!("{:6.1}s  {what}", begun.elapsed().as_secs_f64()));
    loop {
        tokio::select! {
            biased;
            Some(event) = events.next() => {
                line(&event.what);
                (told, quiet) = (String::new(), 0);
                if matches!(event.what, Happening::Paused(_)) {
                    line(&PAUSED);
                    told = event.what.to_string();
                }
            }
            ended = &mut done => return Ok(ended?),
            times = interrupts.next() => match times {
                1 => {
                    abort(handle);
                    told = String::new();
                }
                _ => return leave(handle).await,
            },
            () = clock.sleep(QUIET) => {
                quiet += 1;
                let news = |waiting: &String| *waiting != told || quiet % AGAIN == 0;
                if let Some(waiting) = waiting(handle).filter(news) {
                    line(&waiting);
                    if handle.status().paused.is_some() {
                        line(&PAUSED);
                    }
                    told = waiting;
                }
            }
        }
    }
}

/// What takes its time as it should is nothing to tell.
fn waiting(handle: &Handle) -> Option<String> {
    match &handle.status().waiting.on {
        WaitingFor::Bake { .. } | WaitingFor::Drain | WaitingFor::Nothing => None,
        waiting => Some(waiting.to_string()),
    }
}

/// Returns the exit code of how it ended.
pub(crate) fn tell(outcome: &Outcome) -> Result<u8, Trouble> {
    let report = outcome.report();
    let (target, candidate, ending) = (&report.target, &report.candidate, outcome.ending());
    match outcome {
        Outcome::Promoted(_) => say(format_args!("{target}: {candidate} was promoted")),
        Outcome::RolledBack(_) | Outcome::Aborted(_) => {
            say(format_args!("{target}: {candidate} was {ending}: {}", outcome.why()));
        }
        _ => return Err(Trouble::Input(format!("nothing was changed: {}", outcome.why()))),
    }
    Ok(u8::from(!matches!(outcome, Outcome::Promoted(_))))
}

/// Whoever asked for the way back when the image was promoted already gets it by another rollout.
pub(crate) fn came_too_late(outcome: &Outcome) {
    if let (Outcome::Promoted(_), Some(next)) = (outcome, &outcome.report().next) {
        say(format_args!("{} came too late; to return, roll {} out", next.reason, next.revision));
    }
}

/// Not waited for: what comes of it is told as everything else is. One that comes too late is refused, and the outcome
/// says more than the refusal.
fn abort(handle: &Handle) {
    let status = handle.status();
    if status.phase == Phase::Recovering {
        let waiting = &status.waiting.on;
        say(format_args!(
            "asked to end: it is being taken back already ({waiting}); once more leaves at once"
        ));
    } else {
        say("asked to end: all users go back to stable; once more leaves at once");
    }
    let handle = handle.clone();
    tokio::spawn(async move {
        if let Ok(user) = user() {
            drop(handle.abort(user, "asked to end").await);
        }
    });
}

/// Who pulls the levers.
pub(crate) fn user() -> Result<Actor, NameError> {
    Actor::new(std::env::var("USER").unwrap_or_default()).or_else(|_| Actor::new("somebody"))
}

/// What was decided is kept, if that takes no longer than a moment. What is not kept is decided again later.
async fn leave(handle: &Handle) -> Result<Outcome, Trouble> {
    match timeout(Duration::from_secs(1), handle.detach()).await {
        Ok(()) if let Ok(outcome) = handle.outcome().await => Ok(outcome),
        _ => Err(Trouble::Stuck("left in the middle; the same command goes on".to_owned())),
    }
}

#[allow(clippy::disallowed_methods, reason = "nothing is decided by it: it is shown to people")]
fn now() -> Instant {
    Instant::now()
}
