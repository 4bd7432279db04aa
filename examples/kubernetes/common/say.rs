//! What people are told. That nobody reads it, or that it finds no room, is no reason to leave users between two versions.

use std::fmt::Display;
use std::io::{self, Write};

pub(crate) fn say(line: impl Display) {
    drop(writeln!(io::stdout(), "{line}"));
}

pub(crate) fn complain(line: impl Display) {
    drop(writeln!(io::stderr(), "{line}"));
}
