use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::connection::Answer;

/// What became of the requests of a [`Load`](super::Load).
#[derive(Clone, Debug, Default)]
pub struct Tally {
    sent: u64,
    answered: BTreeMap<String, Seen>,
    statuses: BTreeMap<u16, u64>,
    failures: Vec<Failed>,
    slowest: Duration,
    sent_again: u64,
}

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// When, counted from the beginning.
    pub at: Duration,
    /// How: a status from 500 on, or what broke.
    pub what: String,
    /// The image that answered, if any did.
    pub image: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    count: u64,
    first: Duration,
    last: Duration,
}

impl Tally {
    /// Requests that have an end, good or bad.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Those that failed: not answered, not in time, or with a status from 500 on.
    pub fn failed(&self) -> usize {
        self.failures.len()
    }

    /// Each of those, in order.
    pub fn failures(&self) -> &[Failed] {
        &self.failures
    }

    /// How many a pod of that image answered, whatever it said.
    pub fn by(&self, image: &str) -> u64 {
        self.answered.get(image).map_or(0, |seen| seen.count)
    }

    /// How many were answered with that status.
    pub fn with_status(&self, status: u16) -> u64 {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    /// When a pod of that image answered for the first time, counted from the beginning.
    pub fn first_by(&self, image: &str) -> Option<Duration> {
        self.answered.get(image).map(|seen| seen.first)
    }

    /// When one did for the last time.
    pub fn last_by(&self, image: &str) -> Option<Duration> {
        self.answered.get(image).map(|seen| seen.last)
    }

    /// How many were sent once more, because the server ended a kept connection while they were on their way. Every HTTP
    /// client does that without a word, so they did not fail for it; a server that drains well causes none.
    pub fn sent_again(&self) -> u64 {
        self.sent_again
    }

    /// How long the slowest answer took.
    pub fn slowest(&self) -> Duration {
        self.slowest
    }

    pub(super) fn add(&mut self, answer: Result<Answer, String>, at: Duration, took: Duration) {
        self.sent += 1;
        let answer = match answer {
            Ok(answer) => answer,
            Err(what) => return self.failures.push(Failed { at, what, image: None }),
        };
        self.sent_again += u64::from(answer.again);
        self.slowest = self.slowest.max(took);
        *self.statuses.entry(answer.status).or_default() += 1;
        if let Some(image) = answer.image.clone() {
            let seen = self.answered.entry(image).or_insert(Seen { count: 0, first: at, last: at });
            (seen.count, seen.last) = (seen.count + 1, at);
        }
        if answer.status >= 500 {
            self.failures.push(Failed { at, what: format!("status {}", answer.status), image: answer.image });
        }
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} requests failed", self.failed(), self.sent)?;
        if self.sent_again > 0 {
            write!(f, ", {} were sent again", self.sent_again)?;
        }
        for (image, seen) in &self.answered {
            write!(f, "; {image} answered {} from {:.1?} to {:.1?}", seen.count, seen.first, seen.last)?;
        }
        let mut kinds = BTreeMap::<&str, (u64, Duration)>::new();
        for failure in &self.failures {
            kinds.entry(&failure.what).or_insert((0, failure.at)).0 += 1;
        }
        for (what, (count, first)) in kinds {
            write!(f, "; {count} times {what}, first at {first:.1?}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_who_answered_and_every_failure() {
        let mut tally = Tally::default();
        let second = Duration::from_secs;
        let answer =
            |status, image: &str| Ok(Answer { status, image: Some(image.to_owned()), again: status == 503 });
        tally.add(answer(200, "shop:v1"), second(1), Duration::from_millis(5));
        tally.add(answer(200, "shop:v1"), second(2), Duration::from_millis(9));
        tally.add(answer(503, "shop:v2"), second(3), Duration::from_millis(5));
        tally.add(Err("no connection: refused".to_owned()), second(4), Duration::ZERO);
        assert_eq!((tally.sent(), tally.failed(), tally.by("shop:v1"), tally.with_status(503)), (4, 2, 2, 1));
        assert_eq!((tally.first_by("shop:v1"), tally.last_by("shop:v1")), (Some(second(1)), Some(second(2))));
        assert_eq!(tally.slowest(), Duration::from_millis(9));
        let text = tally.to_string();
        assert!(
            text.starts_with(
                "2 of 4 requests failed, 1 were sent again; shop:v1 answered 2 from 1.0s to 2.0s;"
            ),
            "{text}"
        );
        assert!(
            text.ends_with(
                "1 times no connection: refused, first at 4.0s; 1 times status 503, first at 3.0s"
            ),
            "{text}"
        );
    }
}
