use std::fs::File;

use crate::model::Epoch;
use crate::ports::Owner;

/// The proof that an owner lives: its owner file, locked for as long as this value is.
///
/// The operating system lets go of the lock when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Ownership {
    pub(super) epoch: Epoch,
    pub(super) owner: Owner,
    pub(super) locked: File,
}

impl Drop for Ownership {
    fn drop(&mut self) {
        // Closing would do, were it not for a child process that has just been forked and holds a copy.
        let _ = self.locked.unlock();
    }
}
