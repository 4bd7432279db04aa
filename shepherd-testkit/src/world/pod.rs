use std::time::Duration;

use shepherd_core::model::{Elapsed, Revision};

use super::behaviour::{Behaviour, Crash, StartUp};

/// One replica.
#[derive(Debug, Clone)]
pub(super) struct Pod {
    pub(super) revision: Revision,
    /// When it takes requests; never, when none.
    ready_at: Option<Elapsed>,
    /// Requests since it last became ready.
    served: f64,
    pub(super) crashes: u32,
    /// Which part of the behaviour's crash limit is its own: replicas do not die at the same instant.
    patience: f64,
}

const LONGEST_BACK_OFF: Duration = Duration::from_mins(5);

impl Pod {
    pub(super) fn start(revision: Revision, behaviour: &Behaviour, at: Elapsed, patience: f64) -> Self {
        let ready_at = match behaviour.start {
            StartUp::Ready(time) => Some(at + time),
            StartUp::Never | StartUp::Stuck(_) => None,
        };
        Self { revision, ready_at, served: 0.0, crashes: 0, patience }
    }

    pub(super) fn is_ready(&self, at: Elapsed) -> bool {
        self.ready_at.is_some_and(|ready| ready <= at)
    }

    /// When it becomes ready, or would never.
    pub(super) fn ready_at(&self) -> Option<Elapsed> {
        self.ready_at
    }

    pub(super) fn serve(&mut self, requests: f64) {
        self.served += requests;
    }

    /// When it crashes, if it goes on getting `rate` requests a second.
    pub(super) fn crashes_at(&self, behaviour: &Behaviour, now: Elapsed, rate: f64) -> Option<Elapsed> {
        let ready = self.ready_at.filter(|ready| *ready <= now)?;
        match behaviour.crash? {
            Crash::AtAge(age) => Some((ready + age.mul_f64(self.patience)).max(now)),
            Crash::AfterRequests(limit) if rate > 0.0 => {
                let left = (limit * self.patience - self.served).max(0.0) / rate;
                Some(now + up_to_millis(left))
            }
            Crash::AfterRequests(_) => None,
        }
    }

    /// Starts again, later each time.
    pub(super) fn crash(&mut self, behaviour: &Behaviour, at: Elapsed) {
        let StartUp::Ready(start_up) = behaviour.start else { return };
        let back_off = Duration::from_secs(10).saturating_mul(2_u32.saturating_pow(self.crashes.min(16)));
        self.crashes += 1;
        self.served = 0.0;
        self.ready_at = Some(at + start_up + back_off.min(LONGEST_BACK_OFF));
    }
}

/// Up to the next millisecond, the finest that the world's time knows: rounding down would never arrive.
fn up_to_millis(seconds: f64) -> Duration {
    Duration::try_from_secs_f64((seconds * 1000.0).ceil() / 1000.0).unwrap_or(Duration::MAX)
}
