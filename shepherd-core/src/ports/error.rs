use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::model::{Failure, FailureKind};

/// What a port answers when it could not do what was asked: a [`Failure`] (who must act, which backend, what it
/// said) and, for the log, the error that caused it. Put no secret into the message.
///
/// ```
/// use shepherd_core::{model::FailureKind, ports::PortError};
/// let busy = PortError::transient("nginx", "429 Too Many Requests").retry_after(std::time::Duration::from_secs(2));
/// assert_eq!(busy.kind(), FailureKind::Transient);
/// assert_eq!(busy.to_string(), "nginx: 429 Too Many Requests (transient)");
/// ```
#[derive(Debug)]
pub struct PortError {
    failure: Failure,
    source: Option<Box<dyn Error + Send + Sync>>,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(backend: impl Into<String>, message: impl Into<String>) -> Self {
                Self::new(FailureKind::$kind, backend, message)
            }
        )*
    };
}

impl PortError {
    /// An error of this kind.
    pub fn new(kind: FailureKind, backend: impl Into<String>, message: impl Into<String>) -> Self {
        Failure::new(kind, backend, message).into()
    }

    constructors! {
        /// The same call may succeed later.
        transient => Transient;
        /// Somebody else wrote in between.
        conflict => Conflict;
        /// A later owner has taken over.
        fenced => Fenced;
        /// A permission is missing.
        denied => Denied;
        /// The backend cannot do what was asked.
        unsupported => Unsupported;
        /// The same call will fail again.
        permanent => Permanent;
    }

    /// The same, with how long the backend asked to be left alone.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.failure.retry_after = Some(wait);
        self
    }

    /// The same, with the error that caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Who must act.
    pub fn kind(&self) -> FailureKind {
        self.failure.kind
    }

    /// The failure as data.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        Self { failure, source: None }
    }
}
