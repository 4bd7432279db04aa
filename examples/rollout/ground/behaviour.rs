//! How a version of the service behaves, for better or worse.

use std::time::Duration;

use hyper::StatusCode;

use super::spread::spread;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Healthy,
    /// This many percent of the answers are 500.
    Failing {
        percent: u8,
    },
    /// Every answer takes this much longer.
    Slow {
        by: Duration,
    },
    /// The process dies at this request, with everything it had in hand.
    Crashing {
        at_request: u64,
    },
    /// Every request served makes all later ones this much slower.
    Leaking {
        per_request: Duration,
    },
}

/// What a server does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Answer { status: StatusCode, latency: Duration },
    Die,
}

impl Behaviour {
    pub(crate) const FAILING: Behaviour = Behaviour::Failing { percent: 20 };
    pub(crate) const SLOW: Behaviour = Behaviour::Slow { by: Duration::from_millis(400) };
    pub(crate) const CRASHING: Behaviour = Behaviour::Crashing { at_request: 40 };
    pub(crate) const LEAKING: Behaviour = Behaviour::Leaking { per_request: Duration::from_millis(4) };

    /// A leak ends somewhere, or the load would only ever wait.
    const WORST_LEAK: Duration = Duration::from_secs(2);

    /// The reaction to the `nth` request of a server's life, counted from 1.
    ///
    /// No chance is involved: a demonstration that goes differently each time teaches nothing.
    pub(crate) fn react(self, nth: u64) -> Reaction {
        let usual = Duration::from_micros(2000 + spread(nth, 4000));
        let answer = |status, latency| Reaction::Answer { status, latency };
        match self {
            Behaviour::Crashing { at_request } if nth >= at_request => Reaction::Die,
            Behaviour::Healthy | Behaviour::Crashing { .. } => answer(StatusCode::OK, usual),
            Behaviour::Failing { percent } => {
                let fails = spread(nth, 100) < u64::from(percent);
                answer(if fails { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }, usual)
            }
            Behaviour::Slow { by } => answer(StatusCode::OK, usual + by),
            Behaviour::Leaking { per_request } => {
                let served = u32::try_from(nth).unwrap_or(u32::MAX);
                let leaked = per_request.saturating_mul(served).min(Self::WORST_LEAK);
                answer(StatusCode::OK, usual + leaked)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(behaviour: Behaviour, nth: u64) -> Duration {
        match behaviour.react(nth) {
            Reaction::Answer { latency, .. } => latency,
            Reaction::Die => panic!("{behaviour:?} died at request {nth}"),
        }
    }

    #[test]
    fn a_failing_version_fails_its_share_of_requests() {
        let failed = |nth: &u64| matches!(Behaviour::FAILING.react(*nth), Reaction::Answer { status, .. } if status == 500);
        let count = (1..=1000).filter(failed).count();
        assert!(count.abs_diff(200) <= 3, "{count} of 1000 failed");
    }

    #[test]
    fn a_crashing_version_serves_until_it_dies() {
        let crashing = Behaviour::Crashing { at_request: 3 };
        assert!(latency(crashing, 2) < Duration::from_millis(10));
        assert_eq!(crashing.react(3), Reaction::Die);
    }

    #[test]
    fn a_leaking_version_gets_slower_and_stops_somewhere() {
        assert!(latency(Behaviour::LEAKING, 1) < Duration::from_millis(15));
        assert!(latency(Behaviour::LEAKING, 100) >= Duration::from_millis(400));
        assert!(latency(Behaviour::LEAKING, u64::MAX) < Duration::from_millis(2100));
    }
}
