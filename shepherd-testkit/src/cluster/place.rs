use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::ClusterError;

const PATIENCE: Duration = Duration::from_mins(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One of the few places for control planes on a machine. It is free again when its process has ended, however it did.
#[derive(Debug)]
pub(super) struct Place {
    _lock: File,
}

/// Whom a place is for. A test binary that has its shared plane may want one more: were they of one kind, binaries
/// could wait for each other for ever.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Shared,
    Own,
}

impl Place {
    /// Waits for a place.
    pub(super) async fn take(kind: Kind) -> Result<Self, ClusterError> {
        Self::take_of(&folder(), kind, places(), PATIENCE).await
    }

    async fn take_of(
        folder: &Path,
        kind: Kind,
        places: usize,
        patience: Duration,
    ) -> Result<Self, ClusterError> {
        fs::create_dir_all(folder).map_err(ClusterError::io(format!("creating {}", folder.display())))?;
        let asked = Instant::now();
        loop {
            for number in 0..places {
                let file = folder.join(format!("{kind:?}-{number}").to_lowercase());
                let lock = File::options().create(true).append(true).open(&file);
                let lock = lock.map_err(ClusterError::io(format!("opening {}", file.display())))?;
                match lock.try_lock() {
                    Ok(()) => return Ok(Self { _lock: lock }),
                    Err(TryLockError::WouldBlock) => {}
                    Err(TryLockError::Error(source)) => {
                        return Err(ClusterError::io(format!("locking {}", file.display()))(source));
                    }
                }
            }
            if asked.elapsed() > patience {
                return Err(ClusterError::NoPlace { places, waited: patience });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// One folder for each user: files of others may not be opened.
fn folder() -> PathBuf {
    let user = env::var("USER").unwrap_or_default();
    env::temp_dir().join(format!("shepherd-planes-{user}"))
}

fn places() -> usize {
    let asked =
        env::var("SHEPHERD_PLANES").ok().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_taken_once_and_is_free_again_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let take = || Place::take_of(folder.path(), Kind::Own, 2, Duration::ZERO);
        let first = take().await.unwrap();
        let _second = take().await.unwrap();
        let error = take().await.unwrap_err().to_string();
        assert!(error.contains("all 2 places") && error.contains("SHEPHERD_PLANES"), "{error}");
        assert!(Place::take_of(folder.path(), Kind::Shared, 1, Duration::ZERO).await.is_ok());
        drop(first);
        take().await.unwrap();
    }
}
