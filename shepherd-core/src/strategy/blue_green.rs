use std::time::Duration;

use super::Strategy;
use crate::model::{Exposure, GateName, Track};
use crate::plan::{Approval, Change, GateCheck, Mode, Plan, PlanError, Promotion, Recovery};

/// Brings the candidate up in full beside stable, tries it without users, switches all of them at once, and keeps the
/// old side warm while it watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlueGreen {
    checks: Vec<GateCheck>,
    approval: Option<Approval>,
    grace: Duration,
    promotion: Promotion,
    keep_old: bool,
    recovery: Recovery,
}

impl BlueGreen {
    /// Without smoke checks and without approval, with 5 min of grace.
    pub fn new() -> Self {
        Self {
            checks: Vec::new(),
            approval: None,
            grace: Duration::from_mins(5),
            promotion: Promotion::Swap,
            keep_old: false,
            recovery: Recovery::default(),
        }
    }

    /// Asks this gate about the candidate before any user meets it.
    #[must_use]
    pub fn smoke_check(self, gate: GateName) -> Self {
        self.check(GateCheck::new(gate))
    }

    /// Asks a gate, in this way, before any user meets the candidate.
    #[must_use]
    pub fn check(mut self, check: GateCheck) -> Self {
        self.checks.push(check);
        self
    }

    /// Asks people before the switch.
    #[must_use]
    pub fn approved_by(mut self, approval: Approval) -> Self {
        self.approval = Some(approval);
        self
    }

    /// How long the old side stays warm after the switch, under the guards; 5 min unless told otherwise.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How the candidate becomes stable; by swap unless told otherwise, which the router must be able to. By copy the
    /// old side takes the revision, and the traffic returns to it.
    #[must_use]
    pub fn promotion(mut self, promotion: Promotion) -> Self {
        self.promotion = promotion;
        self
    }

    /// Leaves the old side running at the end of a promotion by swap. By copy there is none.
    #[must_use]
    pub fn keep_old(mut self) -> Self {
        self.keep_old = true;
        self
    }

    /// The way back.
    #[must_use]
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.recovery = recovery;
        self
    }
}

impl Default for BlueGreen {
    fn default() -> Self {
        Self::new()
    }
}

impl Strategy for BlueGreen {
    fn plan(&self, change: &Change) -> Result<Plan, PlanError> {
        let mut plan = Plan::builder(change, "blue-green")
            .mode(Mode::Switch)
            .promotion(self.promotion)
            .recovery(self.recovery)
            .scale(Track::Candidate, change.replicas);
        for check in &self.checks {
            plan = plan.check(check.clone());
        }
        if let Some(approval) = &self.approval {
            plan = plan.approve(approval.clone());
        }
        plan = plan.switch().bake(self.grace).promote();
        let drain = self.recovery.drain;
        match self.promotion {
            Promotion::Copy => plan = plan.expose(Exposure::OFF).retire(Track::Candidate, drain),
            Promotion::Swap if self.keep_old => {}
            Promotion::Swap => plan = plan.retire(Track::Stable, drain),
        }
        plan.build()
    }
}
