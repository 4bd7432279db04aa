use shepherd_core::model::{Epoch, Target, Timestamp};
use shepherd_core::ports::{Claim, Claimed, Owner, Saved, Sequence, Store, StoreError};

use super::StoreFixture;
use crate::conformance::promise::Promise;
use crate::conformance::words::target;
use crate::conformance::{Broken, Patience};

/// One store under one promise.
pub(super) struct Bench<'f, F: StoreFixture> {
    pub(super) promise: Promise,
    pub(super) store: F::Store,
    pub(super) web: Target,
    fixture: &'f F,
    patience: Patience,
}

pub(super) type Record = Option<(Epoch, Option<Saved>)>;

/// The hour at which suites claim: 2026-01-01.
pub(super) const HOUR: Timestamp = Timestamp::from_millis(1_767_225_600_000);

pub(super) fn claim(owner: &str) -> Claim {
    Claim::new(Owner::new(owner), HOUR)
}

pub(super) fn saved(sequence: u64, snapshot: &str) -> Saved {
    Saved { sequence: Sequence::new(sequence), snapshot: snapshot.to_owned() }
}

impl<'f, F: StoreFixture> Bench<'f, F> {
    pub(super) async fn open(name: &'static str, fixture: &'f F) -> Result<Self, Broken> {
        let patience = fixture.patience();
        let promise = Promise::new(name, patience.clone());
        let store = promise.opened(fixture.open().await)?;
        Ok(Self { promise, store, web: target(1), fixture, patience })
    }

    /// Another store on the same records.
    pub(super) async fn another(&self) -> Result<F::Store, Broken> {
        self.promise.opened(self.fixture.open().await)
    }

    pub(super) async fn damages(&self) -> Result<bool, Broken> {
        self.promise.opened(self.fixture.damage(&self.web).await)
    }

    /// Calls as the driver does: again while the failure is a passing one.
    pub(super) async fn settled<T>(
        &self,
        call: impl AsyncFn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let answer = self.patience.until(async || match call().await {
            Err(StoreError::Port(error)) if error.kind().is_passing() => Ok(None),
            answer => answer.map(Some),
        });
        match answer.await? {
            Some(answer) => Ok(answer),
            None => call().await,
        }
    }

    pub(super) async fn claims(&self, claim: &Claim) -> Result<Claimed, Broken> {
        let answer = self.settled(|| self.store.claim(&self.web, claim)).await;
        self.promise.ok(&format!("{}'s claim", claim.owner), answer)
    }

    pub(super) async fn saves(&self, epoch: Epoch, what: &Saved) -> Result<(), Broken> {
        let answer = self.settled(|| self.store.save(&self.web, epoch, what)).await;
        self.promise.ok(&format!("save {}", what.sequence.get()), answer)
    }

    pub(super) async fn releases(&self, epoch: Epoch) -> Result<(), Broken> {
        let answer = self.settled(|| self.store.release(&self.web, epoch)).await;
        self.promise.ok("release", answer)
    }

    pub(super) async fn closes(&self, epoch: Epoch, last: &Saved) -> Result<(), Broken> {
        let answer = self.settled(|| self.store.close(&self.web, epoch, last)).await;
        self.promise.ok("close", answer)
    }

    /// An owner, with this saved as its first.
    pub(super) async fn owner_with(&self, snapshot: &str) -> Result<Epoch, Broken> {
        let owned = self.claims(&claim("first")).await?;
        self.saves(owned.epoch, &saved(1, snapshot)).await?;
        Ok(owned.epoch)
    }

    /// An owner that has been robbed, and the thief.
    pub(super) async fn robbed(&self) -> Result<(Epoch, Epoch), Broken> {
        let first = self.owner_with("first's").await?;
        let thief = self.claims(&claim("thief").stealing()).await?;
        Ok((first, thief.epoch))
    }

    pub(super) async fn loaded(&self) -> Result<Record, Broken> {
        let answer = self.settled(|| self.store.load(&self.web)).await;
        self.promise.ok("load", answer)
    }

    pub(super) async fn holds(&self, epoch: Epoch, saved: Option<&Saved>) -> Result<(), Broken> {
        let record = self.loaded().await?;
        self.promise.same("the record", &record, &Some((epoch, saved.cloned())))
    }

    pub(super) fn superseded<T>(&self, what: &str, answer: Result<T, StoreError>) -> Result<(), Broken> {
        match answer {
            Err(StoreError::Superseded { .. }) => Ok(()),
            Err(error) => {
                Err(self.promise.broken(format!("{what} must be superseded, but failed with: {error}")))
            }
            Ok(_) => Err(self.promise.broken(format!("{what} must be superseded, but was accepted"))),
        }
    }
}
