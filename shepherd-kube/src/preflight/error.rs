use super::Finding;

/// Why a rollout cannot be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// Nothing could be asked at all.
    #[error("{why}; {remedy}")]
    Unreachable {
        /// What came instead of an answer.
        why: String,
        /// What to look at.
        remedy: String,
    },
    /// It would fail, or harm users. All the errors that were found.
    #[error("not ready: {}", list(.0))]
    NotReady(Vec<Finding>),
}

fn list(errors: &[Finding]) -> String {
    let all: Vec<_> =
        errors.iter().map(|one| format!("{}: {} ({})", one.object, one.what, one.remedy)).collect();
    all.join("; ")
}
