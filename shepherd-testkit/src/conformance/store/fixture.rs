use async_trait::async_trait;
use shepherd_core::model::Target;
use shepherd_core::ports::Store;

use crate::conformance::{Opened, Patience};

/// Records of its own for one promise, and stores on them. Cleans up when dropped.
#[async_trait]
pub trait StoreFixture: Send + Sync {
    /// The store that is tried.
    type Store: Store;

    /// A store on this fixture's records, of which there are none for the first one; every further one finds what
    /// those before it left, as another process would.
    async fn open(&self) -> Opened<Self::Store>;

    /// Damages the record of a target where it is kept, and answers true; false when nobody but the store can reach
    /// it. The suite then holds the store to keeping records whole instead.
    async fn damage(&self, target: &Target) -> Opened<bool>;

    /// How long a passing failure may last.
    fn patience(&self) -> Patience {
        Patience::default()
    }
}
