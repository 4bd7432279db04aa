use std::collections::HashMap;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;
use tokio::task::spawn_blocking;

use super::files::probe;
use super::name;
use super::ownership::Ownership;
use super::place::Place;
use super::trouble::{BACKEND, at};
use crate::model::{Epoch, Target, Timestamp};
use crate::ports::{Claim, Claimed, PortError, Saved, Store, StoreError};

/// Keeps records in files, which survive a kill at any instruction. Clones share what they own.
///
/// Each target has a directory of its own, `shop%2fweb` for `shop/web`, with its record as one line of JSON. A record
/// is replaced whole: a temporary file is written, synced and renamed, and the directory synced. One that is
/// truncated, altered, foreign or from a newer Shepherd is refused with its path, and never overwritten.
///
/// # Owners
/// An owner lives as long as its process does and has not [released](Store::release) it: it holds a lock of the
/// operating system, so a killed process is succeeded at once, and [`Claim::now`] and [`Store::renew`]'s hour play no
/// part. Of two processes on one directory, one gets a target and the other [`StoreError::Held`]. The lock is
/// believed, not the name: the same name claims again at once through the same `FileStore` or its clones only, and
/// elsewhere once the process that held it has ended. Name owners so that a person finds them (`deploy-bot@host-7 pid
/// 4711`): the name is what [`StoreError::Held`] says.
///
/// Nobody ever waits for another process, so even one that is stopped in the middle of a save can be stolen from.
///
/// # Cancel safety
/// Calls on a target run one after the other, in the order in which they were first polled. One that is dropped while
/// it waits for its turn has not happened; one that is dropped while it runs runs to its end by itself, and a claim
/// that then succeeds is released again.
///
/// # Where it works
/// On file systems with file locks and hard links: those of local disks, and network ones whose locks work across
/// machines. Each target that is owned keeps one file open. Calls need a tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// use shepherd_core::model::Timestamp;
/// use shepherd_core::ports::{Claim, Owner, Saved, Sequence, Store, StoreError};
/// use shepherd_core::store::FileStore;
///
/// let web = "shop/web".parse()?;
/// let claim = |name: &str| Claim::new(Owner::new(name), Timestamp::from_millis(0));
///
/// let store = FileStore::open(directory.path())?;
/// let owned = store.claim(&web, &claim("deploy-bot pid 4711")).await?;
/// let saved = Saved { sequence: Sequence::new(1), snapshot: "{}".to_owned() };
/// store.save(&web, owned.epoch, &saved).await?;
///
/// let other = FileStore::open(directory.path())?;
/// let refused = other.claim(&web, &claim("deploy-bot pid 4712")).await;
/// assert!(matches!(refused, Err(StoreError::Held { holder, .. }) if holder.as_str() == "deploy-bot pid 4711"));
///
/// drop(store); // or the process ends, however it ends
/// let resumed = other.claim(&web, &claim("deploy-bot pid 4712")).await?;
/// assert_eq!(resumed.saved, Some(saved));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FileStore {
    root: Arc<PathBuf>,
    lanes: Arc<Mutex<HashMap<Target, Lane>>>,
}

/// The calls on one target, in a row, and what proves that this store owns it.
type Lane = Arc<tokio::sync::Mutex<Option<Ownership>>>;

impl FileStore {
    /// Opens the store in `directory`, which is made when it is not there. Blocks for a moment: it finds out whether
    /// records can be kept there.
    ///
    /// # Errors
    /// Names the path and what to do about it, when files cannot be written, locked or linked there.
    ///
    /// ```
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let file = directory.path().join("taken");
    /// # std::fs::write(&file, "").unwrap();
    /// use shepherd_core::store::FileStore;
    /// assert!(FileStore::open(directory.path().join("rollouts")).is_ok());
    /// assert!(FileStore::open(file).is_err());
    /// ```
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = directory.into();
        fs::create_dir_all(&root).map_err(at("create the directory", &root))?;
        probe(&root)?;
        Ok(Self { root: Arc::new(root), lanes: Arc::default() })
    }

    /// Where it keeps its records.
    ///
    /// ```
    /// # let directory = tempfile::tempdir().unwrap();
    /// # use shepherd_core::store::FileStore;
    /// assert_eq!(FileStore::open(directory.path())?.directory(), directory.path());
    /// # Ok::<(), shepherd_core::ports::StoreError>(())
    /// ```
    pub fn directory(&self) -> &Path {
        &self.root
    }

    async fn enter(&self, target: &Target) -> OwnedMutexGuard<Option<Ownership>> {
        let lane = {
            let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(lanes.entry(target.clone()).or_default())
        };
        lane.lock_owned().await
    }

    /// Runs `work` in the lane of a target; the lane stays taken until it ends, whether or not anybody waits for it.
    async fn in_lane(
        &self,
        target: &Target,
        work: impl FnOnce(&Place, Option<&Ownership>) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let place = Place::of(&self.root, target)?;
        let lane = self.enter(target).await;
        run(move || work(&place, lane.as_ref())).await
    }
}

/// A claim that nobody has been told of yet: dropped, it gives up what it got.
struct Untold {
    lane: OwnedMutexGuard<Option<Ownership>>,
    told: bool,
}

impl Drop for Untold {
    fn drop(&mut self) {
        if !self.told {
            *self.lane = None;
        }
    }
}

async fn run<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(lost) if lost.is_panic() => resume_unwind(lost.into_panic()),
        Err(_) => Err(PortError::transient(BACKEND, "the tokio runtime is shutting down").into()),
    }
}

fn list(root: &Path) -> Result<Vec<Target>, StoreError> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(root).map_err(at("read", root))? {
        let entry = entry.map_err(at("read", root))?;
        let Some(target) = entry.file_name().to_str().and_then(name::decode) else { continue };
        if entry.path().is_dir() && Place::of(root, &target)?.is_used()? {
            targets.push(target);
        }
    }
    targets.sort_unstable();
    Ok(targets)
}

#[async_trait]
impl Store for FileStore {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        let place = Place::of(&self.root, target)?;
        let claim = claim.clone();
        let lane = self.enter(target).await;
        let (mut untold, claimed) = run(move || {
            let mut untold = Untold { lane, told: true };
            let claimed = place.claim(&claim, &mut untold.lane)?;
            untold.told = false;
            Ok((untold, claimed))
        })
        .await?;
        untold.told = true;
        Ok(claimed)
    }

    async fn renew(&self, target: &Target, epoch: Epoch, _: Timestamp) -> Result<(), StoreError> {
        self.in_lane(target, move |place, mine| place.check(epoch, mine)).await
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        let saved = saved.clone();
        self.in_lane(target, move |place, mine| place.save(epoch, &saved, mine)).await
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        let mut lane = self.enter(target).await;
        if lane.as_ref().is_some_and(|mine| mine.epoch == epoch) {
            *lane = None;
        }
        Ok(())
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        let place = Place::of(&self.root, target)?;
        run(move || place.load()).await
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        let root = Arc::clone(&self.root);
        run(move || list(&root)).await
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        self.in_lane(target, move |place, mine| place.clear(epoch, mine)).await
    }
}
