//! The few things done to files, each whole or not at all.

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::trouble::at;
use crate::model::Epoch;
use crate::ports::StoreError;

pub(super) const TEMPORARY: &str = "tmp";

/// A file under a name that nobody else uses, which goes when this value goes.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    file: File,
}

impl Temporary {
    /// An empty file in `dir`. The epoch is part of its name so that a later owner may remove what a killed one left.
    pub(super) fn create(dir: &Path, epoch: Epoch) -> Result<Self, StoreError> {
        // Seeded by the operating system: process ids would not do, they are all alike in containers.
        let unique = RandomState::new().build_hasher().finish();
        let path = dir.join(format!("{epoch}.{unique:016x}.{TEMPORARY}"));
        let file = File::create_new(&path).map_err(at("create", &path))?;
        Ok(Self { path, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Locks it for as long as the file is open, wherever it is moved or linked.
    pub(super) fn lock(&self) -> Result<(), StoreError> {
        self.file.try_lock().map_err(|error| at("lock", &self.path)(error.into()))
    }

    /// Writes and syncs the whole content.
    pub(super) fn fill(&mut self, content: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(content).map_err(at("write", &self.path))?;
        self.file.sync_all().map_err(at("sync", &self.path))
    }

    /// A second handle to it that shares its lock.
    pub(super) fn handle(&self) -> Result<File, StoreError> {
        self.file.try_clone().map_err(at("open", &self.path))
    }

    /// Puts it where `path` is, in the place of what was there.
    pub(super) fn replace(self, path: &Path) -> Result<(), StoreError> {
        fs::rename(&self.path, path).map_err(at("replace", path))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing under this name. What cannot be removed is removed by the next owner.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the names in a directory durable.
#[cfg(unix)]
pub(super) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at("sync", dir))
}

/// Other systems have no such call: their names are as durable as the file system makes them.
#[cfg(not(unix))]
pub(super) fn sync_dir(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

/// Finds out whether rollouts can be kept in `dir`: files written, locked, linked and synced.
///
/// The file stays, so that several processes may probe at once without removing each other's.
pub(super) fn probe(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(".probe");
    let link = dir.join(".probe.link");
    let mut file = File::create(&path).map_err(at("write", &path))?;
    file.write_all(b"Shepherd keeps rollouts here.\n").map_err(at("write", &path))?;
    file.sync_all().map_err(at("sync", &path))?;
    file.try_lock_shared().map_err(|error| at("lock", &path)(error.into()))?;
    match fs::hard_link(&path, &link) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(at("link", &link)(error));
        }
        _ => {}
    }
    // Another process that probes may have removed it first.
    let _ = fs::remove_file(&link);
    sync_dir(dir)
}
