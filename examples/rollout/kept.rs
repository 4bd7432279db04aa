//! A value of the service that survives its process: a proxy's configuration file, a manager's list of servers.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use shepherd_core::ports::PortError;

/// Kept in a file, or in memory only when there is none.
pub(crate) struct Kept<T> {
    value: Mutex<T>,
    path: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is damaged or foreign ({source}); it was left as it is: move it away, or restore it", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
}

impl From<KeptError> for PortError {
    fn from(error: KeptError) -> Self {
        PortError::transient("files", error.to_string()).caused_by(error)
    }
}

impl<T: Clone + PartialEq + Serialize + DeserializeOwned> Kept<T> {
    /// What the file says, or `initial` when there is no file yet.
    pub(crate) fn open(path: Option<PathBuf>, initial: T) -> Result<Self, KeptError> {
        let kept = path.as_deref().map(read).transpose()?.flatten();
        Ok(Self { value: Mutex::new(kept.unwrap_or(initial)), path })
    }

    pub(crate) fn get(&self) -> T {
        self.lock().clone()
    }

    /// Decides upon the present value, keeps the new one, and then puts it into effect, all under one lock: nobody
    /// sees one without the others. A kill in between leaves the new value in the file, which the next process reads.
    pub(crate) fn change<E: From<KeptError>>(
        &self,
        decide: impl FnOnce(&T) -> Result<T, E>,
        effect: impl FnOnce(&T),
    ) -> Result<(), E> {
        let mut value = self.lock();
        let new = decide(&value)?;
        if let Some(path) = self.path.as_deref().filter(|_| new != *value) {
            // The disk takes a few milliseconds, in which other tasks are to go on.
            tokio::task::block_in_place(|| write(path, &new))?;
        }
        effect(&new);
        *value = new;
        Ok(())
    }

    /// The same the other way round: in effect first, then kept. For what must not wait for a disk that is full; what
    /// could not be kept is an error all the same, and asked for again it is kept again.
    pub(crate) fn change_at_once<E: From<KeptError>>(
        &self,
        decide: impl FnOnce(&T) -> Result<T, E>,
        effect: impl FnOnce(&T),
    ) -> Result<(), E> {
        let mut value = self.lock();
        let new = decide(&value)?;
        effect(&new);
        *value = new;
        if let Some(path) = self.path.as_deref() {
            tokio::task::block_in_place(|| write(path, &*value))?;
        }
        Ok(())
    }

    /// Keeps the value as it is.
    pub(crate) fn keep(&self) -> Result<(), KeptError> {
        let value = self.lock();
        self.path.as_deref().map_or(Ok(()), |path| write(path, &*value))
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        // It is replaced as a whole, last of all.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// None when there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, KeptError> {
    let path_buf = || path.to_owned();
    match fs::metadata(path).and_then(|about| regular(&about)).and_then(|()| fs::read(path)) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|source| KeptError::Damaged { path: path_buf(), source }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeptError::Read { path: path_buf(), source }),
    }
}

/// What is no plain file, or far too large for one of ours, might never end.
fn regular(about: &Metadata) -> io::Result<()> {
    const LARGEST: u64 = 16 << 20;
    if about.is_file() && about.len() <= LARGEST {
        Ok(())
    } else {
        Err(io::Error::other(
            "it is no regular file of at most 16 MiB; move it away, or name another directory",
        ))
    }
}

/// Replaces the file as a whole: after a kill at any moment it is the old one or the new one.
pub(crate) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), KeptError> {
    replace(path, value).map_err(|source| KeptError::Write { path: path.to_owned(), source })
}

fn replace<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(value)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        // Makes the new name durable where directories can be synced.
        Some(directory) if cfg!(unix) => File::open(directory)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_next_process_finds_what_was_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number.json");
        let kept = Kept::open(Some(path.clone()), 1).unwrap();
        kept.change(|one| Ok::<_, KeptError>(one + 1), |_| {}).unwrap();
        assert_eq!(Kept::open(Some(path), 1).unwrap().get(), 2);
    }

    #[test]
    fn a_damaged_file_is_refused_by_its_name_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("number.json");
        fs::write(&path, "[tru").unwrap();
        let error = Kept::open(Some(path.clone()), 1).err().unwrap().to_string();
        assert!(error.contains("number.json is damaged"), "{error}");
        assert_eq!(fs::read_to_string(path).unwrap(), "[tru");
    }
}
