use std::collections::BTreeSet;

use async_trait::async_trait;
use shepherd_core::model::Revision;
use shepherd_core::ports::{TrafficRouter, Workload};

use crate::conformance::{Opened, Patience};

/// A backend of its own for one promise, and routers and workloads on it. Cleans up when dropped.
#[async_trait]
pub trait RolesFixture: Send + Sync {
    /// The router that is tried; it swaps.
    type Router: TrafficRouter;
    /// The workload that is tried.
    type Workload: Workload;

    /// A router and the workload behind it, on this fixture's backend: the first ones find nothing routed to the
    /// candidate, no candidate and no mark; all further ones find what those before them left, as another process
    /// would.
    async fn open(&self) -> Opened<(Self::Router, Self::Workload)>;

    /// Two revisions that become ready.
    fn revisions(&self) -> [Revision; 2];

    /// Which revisions answer users now: asked of the backend, not of the adapters that are tried.
    async fn answering(&self) -> Opened<BTreeSet<Revision>>;

    /// How long replicas may take to become ready, and what is routed to come into effect.
    fn patience(&self) -> Patience {
        Patience::default()
    }
}
