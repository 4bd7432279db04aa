use async_trait::async_trait;
use shepherd_core::ports::TrafficRouter;

use crate::conformance::{Opened, Patience};

/// A backend of its own for one promise, and routers on it. Cleans up when dropped.
#[async_trait]
pub trait RouterFixture: Send + Sync {
    /// The router that is tried.
    type Router: TrafficRouter;

    /// A router on this fixture's backend: the first one finds it fresh, with nothing routed to the candidate and no
    /// mark; every further one finds what those before it left, as another process would.
    async fn open(&self) -> Opened<Self::Router>;

    /// What the backend holds beside what the router is to change, in any words that are the same when it is the
    /// same: other routes, other people's fields. Empty for a backend that holds nothing else.
    async fn bystanders(&self) -> Opened<String>;

    /// How long what is written may take to come into effect.
    fn patience(&self) -> Patience {
        Patience::default()
    }
}
