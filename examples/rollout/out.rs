//! Where text goes.

use std::io::{self, ErrorKind, IsTerminal, Write};

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

    /// Whether lines can be moved there: on a terminal that knows how.
    pub(crate) fn can_move(self) -> bool {
        let terminal = match self {
            Out::Stdout => io::stdout().is_terminal(),
            Out::Stderr => io::stderr().is_terminal(),
        };
        terminal && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
    }

    pub(crate) fn draw_target(self) -> ProgressDrawTarget {
        match self {
            Out::Stdout => ProgressDrawTarget::stdout(),
            Out::Stderr => ProgressDrawTarget::stderr(),
        }
    }

    /// A reader who has gone away is no reason to leave users between two versions.
    pub(crate) fn line(self, text: impl AsRef<str>) {
        let _ = self.result(text);
    }

    /// A line that somebody relies on.
    ///
    /// # Errors
    /// When it could not be written, unless its reader has gone away by choice.
    pub(crate) fn result(self, text: impl AsRef<str>) -> io::Result<()> {
        let text = text.as_ref();
        let written = match self {
            Out::Stdout => writeln!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()),
            Out::Stderr => writeln!(io::stderr(), "{text}"),
        };
        written.or_else(|error| if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }
}
