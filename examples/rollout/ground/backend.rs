//! A server as the proxy sees it: an address, connections to it, and what is in flight.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hyper::{Request, Response};
use tokio::sync::watch;

use super::client::Connection;
use super::error::ClientError;

pub(crate) struct Backend {
    addr: SocketAddr,
    gate: watch::Sender<Gate>,
    idle: Mutex<Vec<Connection>>,
}

/// One value for both, so that no request slips in between "nothing is in flight" and "closed".
#[derive(Default)]
struct Gate {
    closed: bool,
    in_flight: usize,
}

impl Backend {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, gate: watch::Sender::default(), idle: Mutex::default() }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Room for one request, or none when the backend is being drained.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<InFlight> {
        let entered = self.gate.send_if_modified(|gate| {
            gate.in_flight += usize::from(!gate.closed);
            !gate.closed
        });
        entered.then(|| InFlight(Arc::clone(self)))
    }

    /// Lets no request in any more and returns when the last one is through.
    ///
    /// To be called when the backend has left the routing table: then whoever finds it closed finds
    /// another one in the new table. Cancel safe; it stays closed.
    pub(crate) async fn drain(&self) {
        let mut gate = self.gate.subscribe();
        self.gate.send_modify(|gate| gate.closed = true);
        // The sender lives as long as this does.
        let _ = gate.wait_for(|gate| gate.in_flight == 0).await;
        self.idle().clear();
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.gate.borrow().in_flight
    }

    /// Sends a request, over a connection kept from an earlier one where that is safe.
    ///
    /// A kept connection may have been closed by the server just as the request went out, and nobody
    /// can tell how far it got. A request that may be repeated is repeated, once, on a fresh
    /// connection. One that may not be never goes over a kept connection in the first place.
    pub(crate) async fn send(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        let kept = if request.method().is_idempotent() { self.kept() } else { None };
        if let Some(connection) = kept {
            match self.exchange(connection, request).await {
                Err(error) => tracing::debug!(%error, "a kept connection was stale, trying a fresh one"),
                answered => return answered,
            }
        }
        self.exchange(Connection::open(self.addr).await?, request).await
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        request: &Request<Bytes>,
    ) -> Result<Response<Bytes>, ClientError> {
        let response = connection.exchange(request.clone()).await?;
        self.idle().push(connection);
        Ok(response)
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.is_closed())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole after any panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request on its way to a backend; the backend is not drained before it is dropped.
pub(crate) struct InFlight(Arc<Backend>);

impl Deref for InFlight {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.gate.send_modify(|gate| gate.in_flight -= 1);
    }
}
