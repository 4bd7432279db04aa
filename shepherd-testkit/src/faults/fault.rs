use std::time::Duration;

use shepherd_core::model::{Failure, FailureKind};

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// It is not done, and says so: too busy, a conflict, denied, fenced.
    Fail(FailureKind),
    /// It is not done, and never answers.
    Hang,
    /// It is done, and never answers.
    AnswerLost,
    /// It never answers, and is done so long after whoever called has given up: a late write.
    Late(Duration),
    /// It is done, and answers, so much later.
    Slow(Duration),
    /// It is done, and answers what makes no sense.
    Garbage,
    /// The adapter panics, and nothing is done.
    Panic,
}

impl Fault {
    pub(crate) fn failure(kind: FailureKind) -> Failure {
        Failure::new(kind, "fault", "failed on purpose")
    }
}
