use std::time::Duration;

use super::Strategy;
use crate::model::{Exposure, Match, Replicas, Track, Weight};
use crate::plan::{Approval, Change, Plan, PlanError, Recovery};

/// Shows the candidate to the users that a header or a cookie names, for so long; then, if all is well, to everybody.
///
/// ```
/// use std::time::Duration;
/// use shepherd_core::strategy::AbTest;
/// let beta = AbTest::by_cookie("beta", "yes").or_header("x-group", "b").lasting(Duration::from_hours(1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbTest {
    matches: Vec<Match>,
    duration: Duration,
    settle: Duration,
    replicas: Option<Replicas>,
    approval: Option<Approval>,
    recovery: Recovery,
}

impl AbTest {
    /// The users whose requests carry this header.
    pub fn by_header(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::of(Match::Header { name: name.into(), value: value.into() })
    }

    /// The users whose requests carry this cookie.
    pub fn by_cookie(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::of(Match::Cookie { name: name.into(), value: value.into() })
    }

    fn of(one: Match) -> Self {
        Self {
            matches: vec![one],
            duration: Duration::from_hours(1),
            settle: Duration::from_mins(5),
            replicas: None,
            approval: None,
            recovery: Recovery::default(),
        }
    }

    /// Those whose requests carry this header too.
    #[must_use]
    pub fn or_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.matches.push(Match::Header { name: name.into(), value: value.into() });
        self
    }

    /// Those whose requests carry this cookie too.
    #[must_use]
    pub fn or_cookie(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.matches.push(Match::Cookie { name: name.into(), value: value.into() });
        self
    }

    /// How long the test lasts; an hour unless told otherwise.
    #[must_use]
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.duration = duration;
        self
    }

    /// How long it is watched once everybody meets it; 5 min unless told otherwise.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// How many candidate replicas the test needs; half of all unless told otherwise.
    #[must_use]
    pub fn replicas(mut self, replicas: Replicas) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// Asks people before everybody meets it.
    #[must_use]
    pub fn approved_by(mut self, approval: Approval) -> Self {
        self.approval = Some(approval);
        self
    }

    /// The way back.
    #[must_use]
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = recovery;
        self
    }
}

impl Strategy for AbTest {
    fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
        let half = Replicas::new(change.replicas.get().div_ceil(2));
        let testing = self.replicas.unwrap_or(half);
        let mut plan = Plan::builder(change, "ab-test")
            .recovery(self.recovery)
            .scale(Track::Candidate, testing)
            .expose(Exposure::matching(self.matches.clone()))
            .bake(self.duration);
        if let Some(approval) = &self.approval {
            plan = plan.approve(approval.clone());
        }
        if testing < change.replicas {
            plan = plan.scale(Track::Candidate, change.replicas);
        }
        plan.weight(Weight::FULL)
            .bake(self.settle)
            .promote()
            .expose(Exposure::OFF)
            .retire(Track::Candidate, self.recovery.drain)
            .build()
    }
}
