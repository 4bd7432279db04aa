//! The directory in which a rollout is kept, for as long as this process uses it.

use std::path::{Path, PathBuf};

use shepherd_core::machine::{Outcome, Snapshot};
use shepherd_core::model::Target;
use shepherd_core::ports::{Claim, Clock, Owner, Store, StoreError, SystemClock};
use shepherd_core::store::FileStore;

use crate::kept;
use crate::trouble::Trouble;
use crate::wish::Wish;

pub(crate) struct State {
    store: FileStore,
    asked: PathBuf,
    /// What was asked when the rollout began; none when none has.
    pub(crate) wish: Option<Wish>,
    /// How it ended, when it has.
    pub(crate) outcome: Option<Outcome>,
}

impl State {
    /// Takes hold of a directory before anything in it is believed: of two processes one gets it.
    pub(crate) async fn open(directory: &Path, target: &Target, owner: &Owner) -> Result<Self, Trouble> {
        let store = FileStore::open(directory)?;
        let claim = Claim::new(owner.clone(), SystemClock::new().now().wall);
        let claimed = store.claim(target, &claim).await.map_err(|error| refusal(directory, error))?;
        let snapshot = claimed.saved.map(|saved| Snapshot::decode(&saved.snapshot)).transpose()?;
        let outcome = snapshot.as_ref().and_then(|snapshot| snapshot.outcome().cloned());
        let asked = directory.join("asked.json");
        if snapshot.is_some() && outcome.is_none() {
            complete(directory)?;
        }
        Ok(Self { wish: kept::read(&asked)?, store, asked, outcome })
    }

    /// Keeps what is asked, before anything is done for it.
    pub(crate) fn begin(&self, wish: &Wish) -> Result<(), Trouble> {
        if self.wish.is_none() {
            kept::write(&self.asked, wish)?;
        }
        Ok(())
    }

    pub(crate) fn directory(&self) -> &Path {
        self.store.directory()
    }

    /// A clone owns what this owns.
    pub(crate) fn store(&self) -> FileStore {
        self.store.clone()
    }
}

/// A rollout that is half way needs what it was asked, and the service as it was.
fn complete(directory: &Path) -> Result<(), Trouble> {
    for name in ["asked.json", "servers.json"] {
        let path = directory.join(name);
        if !path.exists() {
            let path = path.display();
            return Err(Trouble::Input(format!(
                "the state is incomplete: {path} is missing; restore it, or name another directory"
            )));
        }
    }
    Ok(())
}

fn refusal(directory: &Path, error: StoreError) -> Trouble {
    Trouble::Input(match error {
        StoreError::Held { holder, .. } => format!(
            "the rollout in {} is driven by {holder} already; wait for it to end, or name another directory",
            directory.display()
        ),
        error => error.to_string(),
    })
}
