//! The proxy and the servers against every promise of their ports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper::HeaderMap;
use shepherd_core::model::{Replicas, Revision, Track};
use shepherd_testkit::conformance::Opened;
use shepherd_testkit::conformance::roles::RolesFixture;
use shepherd_testkit::conformance::router::RouterFixture;
use shepherd_testkit::conformance::workload::WorkloadFixture;
use tokio::sync::OnceCell;

use crate::ground::behaviour::Behaviour;
use crate::ground::client;
use crate::ground::pool::{Pool, PoolSettings};
use crate::ground::server::REVISION_HEADER;
use crate::ground::switchboard::{Policy, Switchboard};
use crate::router::Router;
use crate::stopwatch::Stopwatch;
use crate::workload::Servers;

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

fn pool(switchboard: Arc<Switchboard>) -> Arc<Pool> {
    let settings = PoolSettings { start_up: Duration::from_millis(5), ..PoolSettings::default() };
    let healthy = |name: &str| (Arc::from(name), Behaviour::Healthy);
    Arc::new(Pool::start(settings, BTreeMap::from([healthy("v1"), healthy("v2")]), switchboard))
}

#[derive(Default)]
struct OnePool(OnceCell<(Arc<Pool>, Servers)>);

impl OnePool {
    async fn started(&self) -> Opened<&(Arc<Pool>, Servers)> {
        let start = || async {
            let pool = pool(Arc::new(Switchboard::new(Policy::Even)));
            let servers = Servers::open(None, Arc::clone(&pool), (Revision::new("v1")?, 2), None, None)?;
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
        let (pool, servers) = self.started().await?;
        let status = pool.observe(servers.roles().side(track));
        let own = status.revision.as_deref().map(Revision::new).transpose()?;
        let replicas = |count: usize| Replicas::new(u32::try_from(count).unwrap());
        let other = self.revisions().into_iter().find(|revision| Some(revision) != own.as_ref());
        let counts = [(own, status.ready), (other, status.old)];
        let serving = counts.into_iter().filter(|(_, count)| *count > 0);
        Ok(serving.filter_map(|(revision, count)| Some((revision?, replicas(count)))).collect())
    }
}

/// The proxy in front of the servers.
#[derive(Default)]
struct OneService(OnceCell<Service>);

struct Service {
    switchboard: Arc<Switchboard>,
    router: Router,
    servers: Servers,
}

impl OneService {
    async fn started(&self) -> Opened<&Service> {
        self.0.get_or_try_init(|| async { Service::start() }).await
    }
}

impl Service {
    fn start() -> Opened<Self> {
        let switchboard = Arc::new(Switchboard::new(Policy::Even));
        let router = Router::open(None, Arc::clone(&switchboard), Arc::new(Stopwatch::default()))?;
        let pool = pool(Arc::clone(&switchboard));
        let initial = (Revision::new("v1")?, 2);
        let servers = Servers::open(None, pool, initial, Some(router.clone()), None)?;
        Ok(Self { switchboard, router, servers })
    }
}

#[async_trait]
impl RolesFixture for OneService {
    type Router = Router;
    type Workload = Servers;

    async fn open(&self) -> Opened<(Router, Servers)> {
        let Service { router, servers, .. } = self.started().await?;
        Ok((router.clone(), servers.clone()))
    }

    fn revisions(&self) -> [Revision; 2] {
        ["v1", "v2"].map(|name| Revision::new(name).unwrap())
    }

    async fn answering(&self) -> Opened<BTreeSet<Revision>> {
        let mut answering = BTreeSet::new();
        for _ in 0..8 {
            let picked = self.started().await?.switchboard.pick(&HeaderMap::new());
            let backend = picked.backend.ok_or("no server is ready")?;
            let answer = client::get(backend.addr(), "/").await?;
            answering.insert(Revision::new(answer.headers()[REVISION_HEADER].to_str()?)?);
        }
        Ok(answering)
    }
}

shepherd_testkit::roles_conformance!(service => OneService::default);
shepherd_testkit::router_conformance!(proxy => OneProxy::default);
shepherd_testkit::workload_conformance!(servers => OnePool::default);
