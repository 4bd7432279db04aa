//! The whole service: servers, proxy and load, and the adapters by which Shepherd takes hold of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use shepherd_core::driver::{Rollout, RolloutBuilder};
use shepherd_core::model::{Revision, Target};
use shepherd_core::ports::Owner;
use tokio::time::timeout;

use crate::ground::load::{Load, LoadSettings};
use crate::ground::pool::{Pool, PoolSettings};
use crate::ground::proxy::{Counts, Proxy, Recent};
use crate::ground::switchboard::{Policy, Switchboard};
use crate::ground::track::PerTrack;
use crate::measure::Metrics;
use crate::router::Router;
use crate::stopwatch::Stopwatch;
use crate::trouble::Trouble;
use crate::wish::{STABLE, Wish};
use crate::workload::Servers;

const START_UP: Duration = Duration::from_secs(30);
const CONNECTIONS: usize = 64;
const BETA_PERCENT: u8 = 10;

pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) stopwatch: Arc<Stopwatch>,
    pool: Arc<Pool>,
    servers: Servers,
    router: Option<Router>,
}

impl World {
    /// Brings the service up as `directory` says it was, or anew; returns when it can be used.
    pub(crate) async fn open(wish: &Wish, directory: Option<&Path>, port: u16) -> Result<Self, Trouble> {
        let switchboard = Arc::new(Switchboard::new(Policy::Even));
        let stopwatch = Arc::new(Stopwatch::default());
        let router = || Router::open(directory, Arc::clone(&switchboard), Arc::clone(&stopwatch));
        let router = wish.routed().then(router).transpose()?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let proxy = Proxy::open(addr, Arc::clone(&switchboard)).await.map_err(|error| {
            Trouble::Input(format!("{error}; name another --port, or leave it out for any that is free"))
        })?;
        let pool = Arc::new(Pool::start(PoolSettings::default(), wish.catalogue(), switchboard));
        let initial = (revision(STABLE)?, wish.replicas);
        let timed = (!wish.routed()).then(|| Arc::clone(&stopwatch));
        let servers = Servers::open(directory, Arc::clone(&pool), initial, router.clone(), timed)?;
        if timeout(START_UP, pool.until(Pool::is_settled)).await.is_err() {
            let states = pool.describe();
            return Err(Trouble::Stuck(format!("the servers do not come up: {states}")));
        }
        Ok(Self { proxy, stopwatch, pool, servers, router })
    }

    /// Keeps the service as it is, before anything is done to it.
    pub(crate) fn keep(&self) -> Result<(), Trouble> {
        Ok(self.servers.keep()?)
    }

    /// The rollout of this service.
    pub(crate) fn rollout(&self, target: Target, owner: Owner) -> Result<RolloutBuilder, Trouble> {
        let metrics = Metrics::of(self.servers.clone()).map_err(|error| Trouble::Stuck(error.to_string()))?;
        let rollout = Rollout::of(target).owned_by(owner).on(self.servers.clone()).measured_by(metrics);
        Ok(match &self.router {
            Some(router) => rollout.through(router.clone()),
            None => rollout,
        })
    }

    /// What the candidate was sent.
    pub(crate) fn met(&self) -> Counts {
        self.servers.roles().of(self.proxy.counts()).candidate
    }

    /// What each track did since this was last called.
    pub(crate) fn recent(&self) -> PerTrack<Recent> {
        self.servers.roles().of(self.proxy.recent())
    }

    pub(crate) fn load(&self, rate: u32) -> Load {
        Load::start(LoadSettings {
            target: self.proxy.addr(),
            rate,
            connections: CONNECTIONS,
            beta_percent: BETA_PERCENT,
        })
    }

    /// Ends everything in the order in which nobody loses a request.
    pub(crate) async fn close(self) {
        self.proxy.shutdown(Duration::from_secs(5)).await;
        self.pool.shutdown().await;
    }
}

pub(crate) fn revision(name: &str) -> Result<Revision, Trouble> {
    Revision::new(name).map_err(|error| Trouble::Input(error.to_string()))
}
