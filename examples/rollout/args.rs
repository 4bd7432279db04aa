//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use shepherd_core::guard::{Guard, GuardError};
use shepherd_core::model::{Weight, WeightError};

use crate::trouble::Trouble;
use crate::wish::{CandidateKind, StrategyKind, Wish};

const ABOUT: &str = "A rollout over real HTTP, guarded by Shepherd";

const LONG_ABOUT: &str = "\
A rollout over real HTTP, guarded by Shepherd.

Servers of version v1 and v2 run on loopback behind a proxy, under load. Shepherd moves the traffic from v1 to v2, \
watches the servers' own metrics, and takes v2 back when a guard fires or its servers fail. Without arguments it is a \
canary of a healthy v2 that takes about half a minute and loses no request.";

const AFTER: &str = "\
Exit codes:
  0  v2 was promoted
  1  v2 was taken back: by a guard, by failing servers, or by Ctrl-C or SIGTERM
  2  the input was refused; nothing was changed
  3  it could not go on; its state was kept

Ctrl-C or SIGTERM once aborts: traffic goes back to v1, and v2 is ended. Twice leaves at once; with --state, the same command \
then goes on with the abort.

Guards: METRIC > VALUE for TIME, joined by `and` and `or`. Metrics are error_rate, availability, p50 to p99.9, \
request_rate, health_check_failures and restarts; a value may be compared with v1's, as in error_rate > 2x stable.

Examples:
  rollout                                         a healthy canary
  rollout --candidate failing                     is rolled back by its error rate
  rollout --strategy blue-green --candidate slow  is rolled back by its latency
  rollout --weights 1,10,50,100 --interval 5s     steps of your own
  rollout --guard 'error_rate > 2x stable for 3s' --guard 'p99 > 100ms for 2s'
  rollout --state shop                            kill -9 it, run it again: it goes on
  rollout --dry-run --strategy rolling            prints the plan";

#[derive(Debug, Parser)]
#[command(name = "rollout", version, about = ABOUT, long_about = LONG_ABOUT, after_long_help = AFTER)]
pub(crate) struct Args {
    /// How v2 is rolled out
    #[arg(long, value_enum, default_value = "canary")]
    strategy: StrategyKind,

    /// How v2 behaves
    #[arg(long, value_enum, default_value = "healthy")]
    candidate: CandidateKind,

    /// The canary's steps in percent, growing and ending at 100 [default: 10,25,50,75,100]
    #[arg(long, value_name = "PERCENT,...")]
    weights: Option<Weights>,

    /// How long each step is watched
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = interval)]
    interval: Duration,

    /// What takes v2 back; again for more
    ///
    /// Given once or more it replaces the usual guards: `error_rate > 5% for 2s`, `p95 > 250ms for 3s` and
    /// `health_check_failures > 50% for 2s`.
    #[arg(long = "guard", value_name = "GUARD", value_parser = guard)]
    guards: Vec<Guard>,

    /// How many servers serve all of the traffic
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=50))]
    replicas: u32,

    /// How many requests are sent each second
    #[arg(long, default_value_t = 300, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) rate: u32,

    /// The proxy's port on loopback; 0 for any that is free
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,

    /// Keeps the rollout's state in this directory, so that a later run can go on with it
    ///
    /// A directory is of one rollout. When a process ends in the middle, however it ends, a run with the same directory
    /// goes on as was asked at first, whatever it is asked itself; only --rate, --port and --output are its own. When
    /// the rollout has ended, a run says how, changes nothing, and ends with the same exit code: to roll out anew, name
    /// another directory. One process at a time uses a directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,

    /// Prints what would happen, and does nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// What stdout is for
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// People
    Text,
    /// Programs: its last line is one JSON object, and all text goes to stderr
    Json,
}

impl Args {
    /// What is asked of the rollout, when that makes sense as a whole.
    pub(crate) fn wish(&self) -> Result<Wish, Trouble> {
        if self.weights.is_some() && self.strategy != StrategyKind::Canary {
            let message = "--weights are the steps of a canary: leave them out, or choose --strategy canary";
            return Err(Trouble::Input(message.to_owned()));
        }
        Ok(Wish {
            strategy: self.strategy,
            candidate: self.candidate,
            weights: self.weights.clone().map(|Weights(weights)| weights),
            interval: self.interval,
            guards: if self.guards.is_empty() { usual_guards()? } else { self.guards.clone() },
            replicas: self.replicas,
        })
    }
}

fn usual_guards() -> Result<Vec<Guard>, Trouble> {
    let texts = ["error_rate > 5% for 2s", "p95 > 250ms for 3s", "health_check_failures > 50% for 2s"];
    let guards = texts.into_iter().map(str::parse::<Guard>).collect::<Result<_, _>>();
    guards.map_err(|error: GuardError| Trouble::Input(error.to_string()))
}

/// The error shows the text with a caret below it, which must begin a line of its own to be in its place.
fn guard(text: &str) -> Result<Guard, String> {
    text.parse().map_err(|error| format!("\n{error}"))
}

fn interval(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_millis(100);
    const MOST: Duration = Duration::from_hours(24);
    // humantime panics on what adds up to more than a duration can be, which takes more letters than these.
    const LETTERS: usize = 12;
    if text.len() > LETTERS {
        return Err("write a time from 100ms to 24h".to_owned());
    }
    match humantime::parse_duration(text) {
        Ok(time) if (LEAST..=MOST).contains(&time) => Ok(time),
        Ok(_) => Err("write a time from 100ms to 24h".to_owned()),
        Err(error) => Err(format!("{error}; write a time such as 5s, 90s or 1m30s")),
    }
}

/// Steps that grow and end at 100%.
#[derive(Clone, Debug)]
struct Weights(Vec<Weight>);

#[derive(Debug)]
struct WeightsError(String);

impl FromStr for Weights {
    type Err = WeightsError;

    fn from_str(text: &str) -> Result<Self, WeightsError> {
        let weights = text.split(',').map(|part| part.trim().parse());
        let weights: Vec<Weight> = weights
            .collect::<Result<_, _>>()
            .map_err(|error: WeightError| WeightsError(error.to_string()))?;
        let before = [Weight::ZERO].into_iter().chain(weights.iter().copied());
        match weights.iter().zip(before).find(|(weight, before)| *weight <= before) {
            Some((weight, Weight::ZERO)) => {
                Err(format!("a step of {weight} shows v2 to nobody: begin above 0"))
            }
            Some((weight, before)) => Err(format!("{weight} does not come after {before}: steps must grow")),
            None if weights.last() != Some(&Weight::FULL) => Err("the last step must be 100".to_owned()),
            None => Ok(Weights(weights)),
        }
        .map_err(WeightsError)
    }
}

impl std::error::Error for WeightsError {}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn refused(arguments: &[&str]) -> String {
        let arguments = ["rollout"].iter().chain(arguments);
        Args::try_parse_from(arguments).expect_err("a refusal").to_string()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn weights_must_be_weights_that_grow_to_all() {
        let cases = [
            ("10,5", "5% does not come after 10%"),
            ("10,120", "120"),
            ("0,100", "nobody"),
            ("10,50", "must be 100"),
        ];
        for (weights, reason) in cases {
            let told = refused(&["--weights", weights]);
            assert!(told.contains(reason), "{told}");
        }
        assert!(Args::try_parse_from(["rollout", "--weights", "0.1,1,12.5%,100"]).is_ok());
    }

    #[test]
    fn the_caret_of_a_guard_stands_below_its_place() {
        let told = refused(&["--guard", "error_rate >> 5%"]);
        assert!(told.contains("\nerror_rate >> 5%\n"), "{told}");
    }
}
