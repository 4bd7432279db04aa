use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Call, Fault, FaultPlan};

/// A plan of faults while it is carried out: counts the calls. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    plan: Arc<FaultPlan>,
    counts: Arc<Mutex<BTreeMap<Call, u32>>>,
}

impl Faults {
    /// What goes wrong with the next call of this kind.
    pub fn next(&self, call: Call) -> Option<Fault> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(call).or_default();
        *count += 1;
        self.plan.of(call, *count)
    }

    /// How many calls of this kind there were.
    pub fn count(&self, call: Call) -> u32 {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&call).copied().unwrap_or_default()
    }
}

impl From<FaultPlan> for Faults {
    fn from(plan: FaultPlan) -> Self {
        Self { plan: Arc::new(plan), counts: Arc::default() }
    }
}
