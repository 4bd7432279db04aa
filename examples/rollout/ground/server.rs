//! One server of one version, on a loopback port of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request, StatusCode};

use super::behaviour::{Behaviour, Reaction};
use super::error::GroundError;
use super::front::{Answer, Closer, Front, Handler, answer};
use super::metrics::ServerMetrics;
use super::time;

/// The header in which an answer names the version it comes from.
pub(crate) const REVISION_HEADER: &str = "x-revision";

#[derive(Clone, Debug)]
pub(crate) struct ServerSpec {
    pub(crate) revision: Arc<str>,
    pub(crate) behaviour: Behaviour,
    /// How long it listens before it is ready to serve.
    pub(crate) start_up: Duration,
}

/// Dropping it cuts it off as a crash would.
pub(crate) struct Server {
    front: Front,
    service: Arc<Service>,
}

impl Server {
    pub(crate) async fn start(spec: ServerSpec) -> Result<Self, GroundError> {
        let closer = Closer::new();
        let service = Arc::new(Service {
            ready_at: time::now() + spec.start_up,
            spec,
            metrics: ServerMetrics::new(),
            taken: AtomicU64::default(),
            fuse: closer.clone(),
        });
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let front = Front::open(any_port, closer, Arc::clone(&service)).await?;
        Ok(Self { front, service })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.front.addr()
    }

    /// How many requests it was asked to serve, answered or not.
    pub(crate) fn taken(&self) -> u64 {
        self.service.taken.load(Relaxed)
    }

    /// Returns when the server has died by itself, with the reason.
    ///
    /// Cancel safe.
    pub(crate) async fn crashed(&mut self) -> String {
        self.front.closed().await;
        format!("{} died at request {}", self.service.spec.revision, self.taken())
    }

    /// Takes no more connections and finishes the requests in flight; after the deadline it cuts them.
    pub(crate) async fn shutdown(mut self, deadline: Duration) {
        self.front.drain(deadline).await;
    }
}

struct Service {
    spec: ServerSpec,
    ready_at: Instant,
    metrics: ServerMetrics,
    taken: AtomicU64,
    fuse: Closer,
}

impl Service {
    async fn work(&self) -> Answer {
        let begun = time::now();
        let nth = self.taken.fetch_add(1, Relaxed) + 1;
        let Reaction::Answer { status, latency } = self.spec.behaviour.react(nth) else {
            self.fuse.cut();
            // The connection goes down with the server; there is no answer any more.
            return std::future::pending().await;
        };
        time::sleep(latency).await;
        self.metrics.record(status, begun.elapsed());
        self.greeting(status)
    }

    fn greeting(&self, status: StatusCode) -> Answer {
        let mut greeting = answer(status, format!("Hello from {}\n", self.spec.revision));
        if let Ok(revision) = HeaderValue::from_str(&self.spec.revision) {
            greeting.headers_mut().insert(REVISION_HEADER, revision);
        }
        greeting
    }

    fn health(&self) -> Answer {
        if time::now() < self.ready_at {
            return answer(StatusCode::SERVICE_UNAVAILABLE, "starting\n");
        }
        answer(StatusCode::OK, "ok\n")
    }
}

impl Handler for Service {
    async fn handle(&self, request: Request<Incoming>) -> Answer {
        match request.uri().path() {
            "/" => self.work().await,
            "/healthz" => self.health(),
            "/metrics" => answer(StatusCode::OK, self.metrics.text()),
            _ => answer(StatusCode::NOT_FOUND, "there is no such page\n"),
        }
    }
}
