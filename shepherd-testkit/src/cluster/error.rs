use std::fmt::{self, Debug, Display, Formatter};
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Of each server, where no single one is to blame.
const LAST_LINES: usize = 4;
const LINE_LENGTH: usize = 300;

/// What kept the control plane from doing what a test asked for.
///
/// Each says what to do about it. Where a server is to blame, the end of its log is in the message.
/// Its `Debug` is its message, too, so that a test may just `unwrap`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// The process sees this machine's network, where pods cannot have addresses.
    #[error(
        "this process is not in a network namespace of its own ({reason}); pods need addresses that nobody else has: \
         run the test with `just real`, or under `unshare --net --pid --fork --kill-child` (with `-Ur` if you are not root)"
    )]
    NotIsolated {
        /// What was seen.
        reason: String,
    },

    /// Programs that the control plane consists of are not there.
    #[error(
        "{} {} not in {} ({chosen}); run `just control-plane` to build {}",
        .missing.join(", "),
        if .missing.len() == 1 { "is" } else { "are" },
        .folder.display(),
        if .missing.len() == 1 { "it" } else { "them" }
    )]
    MissingProgram {
        /// Their names.
        missing: Vec<String>,
        /// The folder that was looked into.
        folder: PathBuf,
        /// Why it was that folder.
        chosen: String,
    },

    /// A program of the system is not there.
    #[error(
        "{program} is not on the PATH ({needed_for}); run `just control-plane`, or install it: {install}"
    )]
    MissingTool {
        /// Its name.
        program: &'static str,
        /// What it is needed for.
        needed_for: &'static str,
        /// How Debian installs it.
        install: &'static str,
    },

    /// No folder was found where `just control-plane` would have built the programs.
    #[error(
        "the programs of the control plane are nowhere ({}); run `just control-plane`, or name their folder in \
         SHEPHERD_CONTROL_PLANE or KUBEBUILDER_ASSETS",
        .looked.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NoPrograms {
        /// The places that were looked at.
        looked: Vec<PathBuf>,
    },

    /// A program could not be started at all.
    #[error("{program} does not start: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },

    /// A server ended while it was needed.
    #[error("{program} ended ({status}); the end of its log:\n{log}")]
    Ended {
        /// The server.
        program: String,
        /// How.
        status: ExitStatus,
        /// The end of its log.
        log: LogTail,
    },

    /// Something did not come about in time.
    #[error("{what} did not come about within {waited:?}{}", .last.as_ref().map(|last| format!(": {last}")).unwrap_or_default())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        waited: Duration,
        /// What was seen last, or the end of a log.
        last: Option<String>,
    },

    /// All places for control planes on this machine were taken.
    #[error(
        "no control plane may start: all {places} places of this machine were taken for {waited:?}; \
         SHEPHERD_PLANES=<number> allows more (each takes about 530 MB)"
    )]
    NoPlace {
        /// How many there are.
        places: usize,
        /// How long was waited.
        waited: Duration,
    },

    /// Two control planes of one process want to rule the same packets.
    #[error(
        "another cluster of this process has a kube-proxy, and one network namespace has room for one; \
         build this one with `.service_proxy(false)`, or put the test into a binary of its own"
    )]
    ProxyTaken,

    /// A command failed.
    #[error("`{command}` failed: {output}")]
    Command {
        /// The command line.
        command: String,
        /// What it said.
        output: String,
    },

    /// The API server refused, or could not be reached.
    #[error("{doing}: {source}")]
    Api {
        /// What was asked for.
        doing: String,
        /// The answer.
        source: Box<kube::Error>,
    },

    /// A file or a socket failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },

    /// Something that was given, or read, cannot be understood.
    #[error("{0}")]
    Malformed(String),
}

impl ClusterError {
    pub(super) fn api(doing: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Api { doing, source: Box::new(source) }
    }

    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// The answer's status code when the API server refused: 403 for what RBAC forbids, 409 for a conflict.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Api { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Debug for ClusterError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// The end of a server's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTail(pub(super) String);

impl LogTail {
    /// The last lines, and of long ones the beginning.
    pub(super) fn in_short(&self) -> String {
        let lines: Vec<_> = self.0.lines().collect();
        let last = lines.len().saturating_sub(LAST_LINES);
        let short = lines[last..].iter().map(|line| line.chars().take(LINE_LENGTH).collect::<String>());
        short.collect::<Vec<_>>().join("\n")
    }
}

impl Display for LogTail {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(it is empty)" } else { &self.0 })
    }
}
