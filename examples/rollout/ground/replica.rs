//! One replica: a server that is kept running until it is told to go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::backend::Backend;
use super::client;
use super::server::{Server, ServerSpec};
use super::time;

#[derive(Clone)]
pub(crate) enum Phase {
    /// It does not answer `/healthz` yet.
    Starting,
    Ready(Arc<Backend>),
    /// It is down and will be restarted.
    Crashed(String),
    /// It finishes what it has in hand.
    Draining,
    Gone,
}

/// What a replica tells its pool.
pub(crate) struct Report {
    pub(crate) id: u64,
    pub(crate) phase: Phase,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    /// The pause after the first crash; each further crash doubles it.
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Restart {
    fn pause(self, crashes: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(crashes.saturating_sub(1))).min(self.longest)
    }
}

/// Runs in a task of its own.
pub(crate) struct Replica {
    pub(crate) id: u64,
    pub(crate) server: ServerSpec,
    pub(crate) restart: Restart,
    /// How long requests in flight may take when it goes.
    pub(crate) drain: Duration,
    pub(crate) reports: mpsc::Sender<Report>,
    /// True, or dropped, when it is to go. It has left the routing table by then.
    pub(crate) stop: watch::Receiver<bool>,
}

enum End {
    Crashed(String),
    Stopped,
}

impl Replica {
    pub(crate) async fn run(mut self) {
        let mut crashes = 0;
        while let End::Crashed(reason) = self.one_life().await {
            crashes += 1;
            self.report(Phase::Crashed(reason)).await;
            if timeout(self.restart.pause(crashes), stopped(&mut self.stop)).await.is_ok() {
                break;
            }
            self.report(Phase::Starting).await;
        }
        self.report(Phase::Gone).await;
    }

    async fn one_life(&mut self) -> End {
        let mut server = match Server::start(self.server.clone()).await {
            Ok(server) => server,
            Err(error) => return End::Crashed(error.to_string()),
        };
        let addr = server.addr();
        tokio::select! {
            reason = server.crashed() => return End::Crashed(reason),
            () = healthy(addr) => {}
            () = stopped(&mut self.stop) => {
                server.shutdown(self.drain).await;
                return End::Stopped;
            }
        }
        self.serve(server).await
    }

    async fn serve(&mut self, mut server: Server) -> End {
        let backend = Arc::new(Backend::new(server.addr()));
        self.report(Phase::Ready(Arc::clone(&backend))).await;
        tokio::select! {
            reason = server.crashed() => return End::Crashed(reason),
            () = stopped(&mut self.stop) => {}
        }
        if timeout(self.drain, backend.drain()).await.is_err() {
            tracing::warn!(addr = %server.addr(), in_flight = backend.in_flight(), "not drained in time");
        }
        server.shutdown(self.drain).await;
        End::Stopped
    }

    async fn report(&self, phase: Phase) {
        // Without a pool there is nobody to tell, and the dropped `stop` ends this anyway.
        let _ = self.reports.send(Report { id: self.id, phase }).await;
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Returns once the server answers that it is well.
async fn healthy(addr: SocketAddr) {
    const BETWEEN_PROBES: Duration = Duration::from_millis(10);
    loop {
        match client::get(addr, "/healthz").await {
            Ok(response) if response.status() == StatusCode::OK => return,
            _ => time::sleep(BETWEEN_PROBES).await,
        }
    }
}
