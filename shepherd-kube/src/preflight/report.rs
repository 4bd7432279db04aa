use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Finding, PreflightError, Severity};

/// All that was found, and what Shepherd will write.
///
/// Its text is for a person: errors first, each with its remedy. No value of any Secret is in it, as none was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    server: Option<String>,
    findings: Vec<Finding>,
    writes: BTreeMap<String, BTreeSet<String>>,
}

impl Report {
    pub(super) fn new(
        server: Option<String>,
        mut findings: Vec<Finding>,
        writes: BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        findings.sort_by_key(|finding| finding.severity);
        Self { server, findings, writes }
    }

    /// Everything that was found, errors first.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Why a rollout would fail or harm users.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }

    /// What somebody should know before.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Warning)
    }

    /// The version of the API server, as it says itself; none when it does not tell.
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// What a rollout writes: each object, and the fields of it.
    pub fn writes(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.writes
            .iter()
            .map(|(object, fields)| (object.as_str(), fields.iter().map(String::as_str).collect()))
    }

    /// Whether a rollout may begin soon: what keeps it from that passes by itself.
    pub fn is_passing(&self) -> bool {
        self.errors().count() > 0 && self.errors().all(|error| error.passing)
    }

    /// Whether a rollout of this revision could be begun at all, whatever else is under way: looked at before something
    /// else is ended for it.
    ///
    /// # Errors
    /// All errors that are about the revision itself.
    pub fn possible(&self) -> Result<(), PreflightError> {
        not_ready(self.errors().filter(|error| error.of_candidate))
    }

    /// Whether a rollout may begin.
    ///
    /// # Errors
    /// All errors at once, when there are any. Warnings are none.
    pub fn ready(&self) -> Result<(), PreflightError> {
        not_ready(self.errors())
    }
}

fn not_ready<'f>(errors: impl Iterator<Item = &'f Finding>) -> Result<(), PreflightError> {
    let errors: Vec<_> = errors.cloned().collect();
    if errors.is_empty() { Ok(()) } else { Err(PreflightError::NotReady(errors)) }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = &self.server {
            writeln!(f, "API server {server}")?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        if self.findings.is_empty() {
            writeln!(f, "all is as a rollout needs it")?;
        }
        write!(f, "Shepherd will write")?;
        for (object, fields) in self.writes() {
            write!(f, "\n    {object}: {}", fields.join(", "))?;
        }
        if self.writes.is_empty() { write!(f, " nothing") } else { Ok(()) }
    }
}
