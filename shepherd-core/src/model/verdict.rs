use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something is as it is, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(Box<str>);

/// The answer of a gate. Only [`Pass`](Verdict::Pass) lets a rollout go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "reason")]
pub enum Verdict {
    /// It is well.
    Pass(Reason),
    /// It is not.
    Fail(Reason),
    /// It cannot be said, for want of data.
    Inconclusive(Reason),
    /// It could not be asked.
    Error(Reason),
}

impl Verdict {
    /// The verdict's reason.
    pub fn reason(&self) -> &Reason {
        match self {
            Verdict::Pass(reason)
            | Verdict::Fail(reason)
            | Verdict::Inconclusive(reason)
            | Verdict::Error(reason) => reason,
        }
    }

    /// Whether it lets a rollout go on.
    pub fn is_pass(&self) -> bool {
        matches!(self, Verdict::Pass(_))
    }
}

impl Reason {
    /// A reason in words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Reason {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Verdict::Pass(_) => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Inconclusive(_) => "inconclusive",
            Verdict::Error(_) => "error",
        };
        write!(f, "{word}: {}", self.reason())
    }
}
