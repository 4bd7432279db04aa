use super::{Call, Fault};

/// Which calls go wrong, as data: made by hand, or by a generator of random plans.
///
/// ```
/// use shepherd_core::model::FailureKind;
/// use shepherd_testkit::faults::{Call, Fault, FaultPlan};
/// let plan = FaultPlan::new()
///     .nth(Call::Route, 1, Fault::AnswerLost)
///     .between(Call::Measure, 3, 10, Fault::Fail(FailureKind::Transient))
///     .from(Call::Save, 5, Fault::Hang);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultPlan {
    planned: Vec<(Call, u32, u32, Fault)>,
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, and the `nth` call of this kind, counted from 1, goes wrong.
    #[must_use]
    pub fn nth(self, call: Call, nth: u32, fault: Fault) -> Self {
        self.between(call, nth, nth, fault)
    }

    /// The same, and the calls of this kind from the `first` to the `last`, counted from 1, go wrong.
    #[must_use]
    pub fn between(mut self, call: Call, first: u32, last: u32, fault: Fault) -> Self {
        self.planned.push((call, first, last, fault));
        self
    }

    /// The same, and every call of this kind from the `first` on, counted from 1, goes wrong.
    #[must_use]
    pub fn from(self, call: Call, first: u32, fault: Fault) -> Self {
        self.between(call, first, u32::MAX, fault)
    }

    /// What goes wrong with the `nth` call of this kind. Of several, what was planned first.
    pub fn of(&self, call: Call, nth: u32) -> Option<Fault> {
        let meant =
            self.planned.iter().find(|(of, first, last, _)| *of == call && (*first..=*last).contains(&nth));
        meant.map(|(.., fault)| *fault)
    }

    /// Comes before whatever was planned for these calls.
    pub(super) fn insist(&mut self, call: Call, first: u32, last: u32, fault: Fault) {
        self.planned.insert(0, (call, first, last, fault));
    }

    pub(super) fn forget(&mut self, call: Call) {
        self.planned.retain(|(of, ..)| *of != call);
    }
}
