use async_trait::async_trait;
use shepherd_core::ports::{Notice, Notifier};

use crate::conformance::{Opened, Patience};

/// People of its own for one promise, and notifiers that tell them. Cleans up when dropped.
#[async_trait]
pub trait NotifierFixture: Send + Sync {
    /// The notifier that is tried.
    type Notifier: Notifier;

    /// A notifier that tells these people.
    async fn open(&self) -> Opened<Self::Notifier>;

    /// Whether these people have been told this, at least once.
    async fn heard(&self, notice: &Notice) -> Opened<bool>;

    /// Makes them unreachable, or reachable again.
    async fn reachable(&self, reachable: bool) -> Opened<()>;

    /// How long a notice may take to arrive.
    fn patience(&self) -> Patience {
        Patience::default()
    }
}
