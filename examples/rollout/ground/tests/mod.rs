//! The ground on real sockets. Nothing here sleeps to be in step: it waits for what it needs.

mod backend;
mod pool;
mod proxy;
mod server;
mod zero_loss;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response};
use tokio::time::timeout;

use super::behaviour::Behaviour;
use super::client::{Connection, with_host};
use super::load::{Load, LoadSettings};
use super::pool::{Catalogue, Pool, PoolSettings, Wanted};
use super::proxy::Proxy;
use super::replica::Restart;
use super::server::REVISION_HEADER;
use super::switchboard::{Policy, Split, Switchboard};
use super::track::{PerTrack, Track};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Far beyond what anything here takes: a test that gets there has failed.
const DEADLINE: Duration = Duration::from_secs(20);

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(DEADLINE, what).await.expect("in time")
}

/// A pool behind a proxy: v1 and v3 are healthy, and there is one version for each way to be bad.
struct World {
    switchboard: Arc<Switchboard>,
    proxy: Proxy,
    pool: Pool,
}

impl World {
    async fn new(policy: Policy) -> Self {
        let switchboard = Arc::new(Switchboard::new(policy));
        let proxy = Proxy::open(ANY_PORT, Arc::clone(&switchboard)).await.expect("a port");
        let settings = PoolSettings {
            start_up: Duration::from_millis(20),
            restart: Restart { first: Duration::from_millis(50), longest: Duration::from_millis(200) },
            drain: DEADLINE,
        };
        let catalogue = Catalogue::from([
            ("v1".into(), Behaviour::Healthy),
            ("v2".into(), Behaviour::Healthy),
            ("v3".into(), Behaviour::Healthy),
            ("slow".into(), Behaviour::SLOW),
            ("crashing".into(), Behaviour::Crashing { at_request: 5 }),
        ]);
        let pool = Pool::start(settings, catalogue, Arc::clone(&switchboard));
        Self { switchboard, proxy, pool }
    }

    fn set(&self, track: Track, revision: &str, replicas: usize) {
        self.pool.set(track, Wanted { revision: revision.into(), replicas });
    }

    fn split(&self, weight: u16) {
        self.switchboard.set_policy(split(weight));
    }

    async fn settled(&self) {
        in_time(self.pool.until(Pool::is_settled)).await;
    }

    fn load(&self, rate: u32, connections: usize) -> Load {
        Load::start(LoadSettings { target: self.proxy.addr(), rate, connections, beta_percent: 10 })
    }

    /// How many of the requests each version answered, one after the other on one connection.
    async fn answers(
        &self,
        requests: usize,
        header: Option<(&'static str, &'static str)>,
    ) -> PerTrack<usize> {
        let mut connection = Connection::open(self.proxy.addr()).await.expect("a connection");
        let mut answers = PerTrack::default();
        for _ in 0..requests {
            let mut request = with_host(Request::new(Bytes::new()), self.proxy.addr());
            if let Some((name, value)) = header {
                request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let response = in_time(connection.exchange(request)).await.expect("an answer");
            let track = if revision(&response) == "v1" { Track::Stable } else { Track::Candidate };
            answers[track] += 1;
        }
        answers
    }
}

fn split(weight: u16) -> Policy {
    Policy::Split(Split { weight, ..Split::default() })
}

fn revision(response: &Response<Bytes>) -> &str {
    response.headers().get(REVISION_HEADER).expect("a version").to_str().expect("text")
}
