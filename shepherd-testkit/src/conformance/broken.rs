use std::error::Error;
use std::fmt;

/// A promise that an adapter does not keep, and what was seen instead.
#[derive(Debug)]
pub struct Broken {
    promise: &'static str,
    seen: String,
}

impl Broken {
    pub(super) fn new(promise: &'static str, seen: impl Into<String>) -> Self {
        Self { promise, seen: seen.into() }
    }

    /// The promise, by the name of its function.
    pub fn promise(&self) -> &'static str {
        self.promise
    }

    /// What was seen instead.
    pub fn seen(&self) -> &str {
        &self.seen
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the promise `{}` is broken: {}", self.promise, self.seen)
    }
}

impl Error for Broken {}
