use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Call, Fault, FaultPlan};

/// A plan of faults while it is carried out: counts the calls. What goes wrong may be said on the way too. Clones count
/// together, and hear of it together.
///
/// ```
/// use shepherd_core::model::FailureKind;
/// use shepherd_testkit::faults::{Call, Fault, Faults};
/// let faults = Faults::default();
/// faults.from_now_on(Call::Save, Fault::Hang);
/// faults.once(Call::Save, Fault::Fail(FailureKind::Transient));
/// assert_eq!(faults.next(Call::Save), Some(Fault::Fail(FailureKind::Transient)));
/// assert_eq!(faults.next(Call::Save), Some(Fault::Hang));
/// faults.mend(Call::Save);
/// assert_eq!(faults.next(Call::Save), None);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Faults {
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug, Default)]
struct Progress {
    plan: FaultPlan,
    counts: BTreeMap<Call, u32>,
}

impl Faults {
    /// What goes wrong with the next call of this kind.
    pub fn next(&self, call: Call) -> Option<Fault> {
        let mut progress = self.progress();
        let count = progress.counts.entry(call).or_default();
        *count += 1;
        let count = *count;
        progress.plan.of(call, count)
    }

    /// How many calls of this kind there were.
    pub fn count(&self, call: Call) -> u32 {
        self.progress().count(call)
    }

    /// The next call of this kind goes wrong so, whatever was planned for it.
    pub fn once(&self, call: Call, fault: Fault) {
        let mut progress = self.progress();
        let next = progress.count(call).saturating_add(1);
        progress.plan.insist(call, next, next, fault);
    }

    /// All calls of this kind go wrong so from now on, whatever was planned for them.
    pub fn from_now_on(&self, call: Call, fault: Fault) {
        let mut progress = self.progress();
        let next = progress.count(call).saturating_add(1);
        progress.plan.insist(call, next, u32::MAX, fault);
    }

    /// No call of this kind goes wrong any more, whatever was planned for it.
    pub fn mend(&self, call: Call) {
        self.progress().plan.forget(call);
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    fn count(&self, call: Call) -> u32 {
        self.counts.get(&call).copied().unwrap_or_default()
    }
}

impl From<FaultPlan> for Faults {
    fn from(plan: FaultPlan) -> Self {
        let progress = Progress { plan, counts: BTreeMap::new() };
        Self { progress: Arc::new(Mutex::new(progress)) }
    }
}
