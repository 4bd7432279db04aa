//! The proxy and the servers against every promise of their ports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::model::{Replicas, Revision, Track};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::router::RouterFixture;
use shepherd_testkit::conformance::workload::WorkloadFixture;
use tokio::sync::OnceCell;

use crate::ground::behaviour::Behaviour;
use crate::ground::pool::{Pool, PoolSettings};
use crate::ground::switchboard::{Policy, Switchboard};
use crate::router::Router;
use crate::stopwatch::Stopwatch;
use crate::workload::{Servers, ground};

#[derive(Default)]
struct OneProxy(OnceCell<Router>);

#[async_trait]
impl RouterFixture for OneProxy {
    type Router = Router;

    async fn open(&self) -> Opened<Router> {
        let open = || async {
            Router::open(None, Arc::new(Switchboard::new(Policy::Even)), Arc::new(Stopwatch::default()))
        };
        Ok(self.0.get_or_try_init(open).await?.clone())
    }

    async fn bystanders(&self) -> Opened<String> {
        Ok("the proxy routes one service and holds nothing else".to_owned())
    }
}

#[derive(Default)]
struct OnePool(OnceCell<(Arc<Pool>, Servers)>);

impl OnePool {
    async fn started(&self) -> Opened<&(Arc<Pool>, Servers)> {
        let start = || async {
            let settings = PoolSettings { start_up: Duration::from_millis(5), ..PoolSettings::default() };
            let healthy = |name: &str| (Arc::from(name), Behaviour::Healthy);
            let catalogue = BTreeMap::from([healthy("v1"), healthy("v2")]);
            let pool = Arc::new(Pool::start(settings, catalogue, Arc::new(Switchboard::new(Policy::Even))));
            let servers = Servers::open(None, Arc::clone(&pool), (Revision::new("v1")?, 2), None)?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((pool, servers))
        };
        self.0.get_or_try_init(start).await
    }
}

#[async_trait]
impl WorkloadFixture for OnePool {
    type Workload = Servers;

    async fn open(&self) -> Opened<Servers> {
        Ok(self.started().await?.1.clone())
    }

    fn holds_marks(&self) -> bool {
        true
    }

    fn revisions(&self) -> [Revision; 2] {
        ["v1", "v2"].map(|name| Revision::new(name).unwrap())
    }

    fn failing(&self) -> Option<Revision> {
        Some(Revision::new("never-built").unwrap())
    }

    async fn serving(&self, track: Track) -> Opened<BTreeMap<Revision, Replicas>> {
        let status = self.started().await?.0.observe(ground(track));
        let own = status.revision.as_deref().map(Revision::new).transpose()?;
        let replicas = |count: usize| Replicas::new(u32::try_from(count).unwrap());
        let other = self.revisions().into_iter().find(|revision| Some(revision) != own.as_ref());
        let counts = [(own, status.ready), (other, status.old)];
        let serving = counts.into_iter().filter(|(_, count)| *count > 0);
        Ok(serving.filter_map(|(revision, count)| Some((revision?, replicas(count)))).collect())
    }
}

shepherd_testkit::router_conformance!(proxy => OneProxy::default);
shepherd_testkit::workload_conformance!(servers => OnePool::default);
