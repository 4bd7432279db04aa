use std::fmt;

/// Whether a rollout can be begun all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// It would fail, or harm users.
    Error,
    /// It may go well. Somebody should know it before.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One thing that is not as a rollout needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Whether a rollout can be begun all the same.
    pub severity: Severity,
    /// Kind, namespace and name of what it was found at.
    pub object: String,
    /// What is wrong with it.
    pub what: String,
    /// What makes it right.
    pub remedy: String,
    /// Whether it is right by itself soon, as long as nothing is in its way: a rollout has ended, and its last pods have
    /// not.
    pub passing: bool,
    /// Whether it is about the revision that is to come, and not about how things are: neither time nor the end of another
    /// rollout makes it right.
    pub of_candidate: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, object, what, remedy, .. } = self;
        write!(f, "{severity}: {object}: {what}\n    remedy: {remedy}")
    }
}
