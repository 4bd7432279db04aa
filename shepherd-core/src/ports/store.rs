use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortError;
use crate::model::{Epoch, Target, Timestamp};

/// Keeps what must survive the process: one record for each target, with its owner.
///
/// # Contract
/// - [`claim`](Self::claim) makes the caller the owner and answers an epoch greater than any before it, unless
///   another owner lives. It is decided in one atomic step: of two callers one becomes the owner. An owner that has
///   died does not live; how soon that is known, and whether the same name may claim again while it lives, is the
///   store's to say.
/// - [`save`](Self::save) takes a snapshot only from the present epoch, and keeps it only when its epoch and sequence
///   are newer than the stored one's: a later owner may count from the start again, and within an epoch an older
///   sequence, or the same one again, succeeds and changes nothing. So a save that was dropped and runs late does no
///   harm. When it has returned, a snapshot at least as new as the caller's survives a crash.
/// - After [`release`](Self::release) or [`close`](Self::close) the epoch is nobody's: its saves and renewals are
///   superseded.
/// - A record is replaced whole or not at all. One that cannot be read is refused with its name, and never
///   overwritten.
/// - Every call may be dropped at any await: it has then happened or not, and the same call again completes it.
///
/// The testkit has a suite with one test for each of these promises.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes the caller the owner of `target`. The answered epoch is greater than every one before, and at least
    /// [`Claim::at_least`].
    ///
    /// # Errors
    /// [`StoreError::Held`] when another owner lives; [`StoreError::Damaged`] when the record cannot be read.
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError>;

    /// Says that the owner of `epoch` lives.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when it no longer is the owner.
    async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError>;

    /// Keeps a snapshot.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when `epoch` no longer is the owner's; [`StoreError::Damaged`] when the stored record
    /// cannot be read.
    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError>;

    /// Ends the ownership of `epoch`; the record stays. Nothing happens when it was over already.
    ///
    /// # Errors
    /// Only when the store cannot be reached.
    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError>;

    /// Keeps the last snapshot of an owner and ends its ownership. By default these are two calls; a store in which each
    /// of them costs a write makes it one.
    ///
    /// # Errors
    /// Those of [`save`](Self::save). After an error the snapshot may have been kept, and the ownership may have ended:
    /// the same call again then answers [`StoreError::Superseded`], and [`load`](Self::load) tells which.
    async fn close(&self, target: &Target, epoch: Epoch, last: &Saved) -> Result<(), StoreError> {
        self.save(target, epoch, last).await?;
        // What counts is kept. A target that is not released is free when nobody renews it.
        let _ = self.release(target, epoch).await;
        Ok(())
    }

    /// How often an owner should [`renew`](Self::renew), so that it does not pass for dead: every 10 s, where the store
    /// does not know better.
    fn renew_every(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// The present epoch of a target and what was last saved for it, for somebody who only looks.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the record cannot be read.
    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError>;

    /// All targets that have a record, in order; those whose snapshot was [cleared](Self::clear) too.
    ///
    /// # Errors
    /// Only when the store cannot be reached.
    async fn list(&self) -> Result<Vec<Target>, StoreError>;

    /// Forgets the snapshot of a target, if `epoch` is still the owner's. Its epoch stays counted.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] when it is not.
    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError>;
}

/// Who drives: unique among the processes and tasks that share a store, and readable (host, process, purpose).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Owner(String);

/// Counts the saves of an owner. It may go on from its predecessor's, and need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(u64);

/// A snapshot as it is kept: the machine's JSON, and which save it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Which save it is.
    pub sequence: Sequence,
    /// The encoded snapshot.
    pub snapshot: String,
}

/// What somebody who wants to drive asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Who asks.
    pub owner: Owner,
    /// The hour, for stores in which an owner lives as long as it [renews](Store::renew).
    pub now: Timestamp,
    /// Marks of this epoch less one were seen outside: a store that was lost must not count from the start again.
    pub at_least: Epoch,
    /// Take over even when another owner lives: that one's saves, and its writes outside, then fail.
    pub steal: bool,
}

impl Claim {
    /// `owner` asks at the hour `now`.
    pub fn new(owner: Owner, now: Timestamp) -> Self {
        Self { owner, now, at_least: Epoch::default(), steal: false }
    }

    /// The same, for an epoch of at least this one.
    #[must_use]
    pub fn at_least(mut self, epoch: Epoch) -> Self {
        self.at_least = epoch;
        self
    }

    /// The same, even when another owner lives.
    #[must_use]
    pub fn stealing(mut self) -> Self {
        self.steal = true;
        self
    }
}

/// What an owner gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The owner's epoch.
    pub epoch: Epoch,
    /// What its predecessor saved last.
    pub saved: Option<Saved>,
}

/// Why a store refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another owner lives.
    #[error("{target} is driven by {holder}; wait for it to end, or take over by stealing it")]
    Held {
        /// What was to be claimed.
        target: Target,
        /// Who has it.
        holder: Owner,
    },
    /// A later owner has taken over.
    #[error("{target} has been taken over: epoch {epoch} is not the owner's any more")]
    Superseded {
        /// What was owned.
        target: Target,
        /// The epoch that is over.
        epoch: Epoch,
    },
    /// The record cannot be read, and is left as it is.
    #[error("{place} is damaged or foreign ({reason}); it was left as it is: restore it, or take it away")]
    Damaged {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store itself failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Owner {
    /// An owner of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Sequence {
    /// The save of this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next save's.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
