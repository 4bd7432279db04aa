//! What the operating system says, as errors that name the path and what to do.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::model::FailureKind;
use crate::ports::{PortError, StoreError};

pub(super) const BACKEND: &str = "file store";

/// The error of `doing` something to `path`.
pub(super) fn at(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| {
        let (kind, remedy) = remedy(&error);
        let message = format!("cannot {doing} {}: {error}; {remedy}", path.display());
        PortError::new(kind, BACKEND, message).caused_by(error).into()
    }
}

/// An answer that is an error, or that there is no such file.
pub(super) fn if_exists<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Unix error numbers that std puts under no kind of its own, alike on Linux, macOS and the BSDs.
const EIO: i32 = 5;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

fn remedy(error: &io::Error) -> (FailureKind, &'static str) {
    use FailureKind::{Denied, Permanent, Transient, Unsupported};
    match error.kind() {
        ErrorKind::PermissionDenied => {
            (Denied, "let this user read and write there, or choose another directory")
        }
        ErrorKind::ReadOnlyFilesystem => {
            (Denied, "mount the file system for writing, or choose another directory")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (Transient, "free some space"),
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => (Transient, "try again"),
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => {
            (Permanent, "something else is in the way: move it, or choose another directory")
        }
        ErrorKind::FileTooLarge => (Permanent, "raise this process's limit on the size of files (ulimit -f)"),
        ErrorKind::Unsupported | ErrorKind::CrossesDevices => {
            (Unsupported, "file locks and hard links are needed: choose a directory on a local file system")
        }
        _ => match error.raw_os_error() {
            Some(EIO) => (Transient, "try again, and have a look at the disk"),
            Some(ENFILE | EMFILE) => (Transient, "raise the limit on open files (ulimit -n)"),
            _ => (Permanent, "choose another directory, or repair this one"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_who_must_act_and_names_the_path() {
        let cases = [
            (io::Error::from(ErrorKind::StorageFull), FailureKind::Transient),
            (io::Error::from(ErrorKind::Interrupted), FailureKind::Transient),
            (io::Error::from_raw_os_error(EIO), FailureKind::Transient),
            (io::Error::from_raw_os_error(EMFILE), FailureKind::Transient),
            (io::Error::from(ErrorKind::PermissionDenied), FailureKind::Denied),
            (io::Error::from(ErrorKind::ReadOnlyFilesystem), FailureKind::Denied),
            (io::Error::from(ErrorKind::Unsupported), FailureKind::Unsupported),
            (io::Error::from(ErrorKind::NotADirectory), FailureKind::Permanent),
        ];
        for (error, kind) in cases {
            let StoreError::Port(told) = at("write", Path::new("/var/x"))(error) else { panic!() };
            assert_eq!(told.kind(), kind, "{told}");
            assert!(told.to_string().starts_with("file store: cannot write /var/x: "), "{told}");
        }
    }
}
