//! Where text goes.

use std::io::{self, IsTerminal, Write};

use indicatif::ProgressDrawTarget;

use crate::args::Output;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    Stdout,
    Stderr,
}

impl Out {
    /// Where people read while stdout is for `output`.
    pub(crate) fn for_people(output: Output) -> Self {
        match output {
            Output::Text => Out::Stdout,
            Output::Json => Out::Stderr,
        }
    }

    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Out::Stdout => io::stdout().is_terminal(),
            Out::Stderr => io::stderr().is_terminal(),
        }
    }

    pub(crate) fn draw_target(self) -> ProgressDrawTarget {
        match self {
            Out::Stdout => ProgressDrawTarget::stdout(),
            Out::Stderr => ProgressDrawTarget::stderr(),
        }
    }

    /// A reader who has gone away is no reason to leave users between two versions.
    pub(crate) fn line(self, text: impl AsRef<str>) {
        let text = text.as_ref();
        let _ = match self {
            Out::Stdout => writeln!(io::stdout(), "{text}"),
            Out::Stderr => writeln!(io::stderr(), "{text}"),
        };
    }
}
