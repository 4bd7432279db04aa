//! An HTTP/1.1 listener that can be closed in two ways: gracefully, or as a crash would.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::error::GroundError;
use super::time;

pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

pub(crate) fn answer(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Answer::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    NotYet,
    /// Finish what was begun, for at most this long.
    Drain(Duration),
    /// Cut everything off.
    Cut,
}

/// Closes a front from within, such as by the request that brings its server down.
#[derive(Clone)]
pub(crate) struct Closer(watch::Sender<Close>);

impl Closer {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Close::NotYet))
    }

    pub(crate) fn cut(&self) {
        self.0.send_replace(Close::Cut);
    }
}

/// Dropping it cuts all connections.
pub(crate) struct Front {
    addr: SocketAddr,
    closer: Closer,
    task: JoinHandle<()>,
}

impl Front {
    pub(crate) async fn open<H: Handler>(
        addr: SocketAddr,
        closer: Closer,
        handler: Arc<H>,
    ) -> Result<Self, GroundError> {
        let refused = |source| GroundError::Listen { addr, source };
        let listener = TcpListener::bind(addr).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let task = tokio::spawn(serve(listener, closer.0.subscribe(), handler));
        Ok(Self { addr, closer, task })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more connections, finishes the requests in flight and closes the connections that are
    /// kept alive. What is still open after the deadline is cut.
    pub(crate) async fn drain(&mut self, deadline: Duration) {
        self.closer.0.send_if_modified(|close| {
            let open = *close == Close::NotYet;
            if open {
                *close = Close::Drain(deadline);
            }
            open
        });
        self.closed().await;
    }

    /// Returns when the port is closed and so is every connection.
    ///
    /// Cancel safe.
    pub(crate) async fn closed(&mut self) {
        if !self.task.is_finished() {
            // The task neither panics nor is it aborted while this borrows it.
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<H: Handler>(listener: TcpListener, mut close: watch::Receiver<Close>, handler: Arc<H>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let how = loop {
        tokio::select! {
            how = closing(&mut close) => break how,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&handler), graceful.watcher()));
                }
                Err(error) => out_of_breath(&error).await,
            },
            Some(_) = connections.join_next() => {}
        }
    };
    // The port goes first: whoever loses a connection and comes back must find nobody at home.
    drop(listener);
    if let Close::Drain(deadline) = how {
        tokio::select! {
            _ = tokio::time::timeout(deadline, graceful.shutdown()) => {}
            _ = close.wait_for(|close| *close == Close::Cut) => {}
        }
    }
    connections.shutdown().await;
}

async fn closing(close: &mut watch::Receiver<Close>) -> Close {
    // Nobody is left to close it any other way.
    close.wait_for(|close| *close != Close::NotYet).await.map_or(Close::Cut, |close| *close)
}

async fn converse<H: Handler>(stream: TcpStream, handler: Arc<H>, watcher: Watcher) {
    // Small answers are to leave at once; without it they only leave later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(request).await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Too many open files, as a rule: trying again at once would only burn the processor.
async fn out_of_breath(error: &std::io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    time::sleep(Duration::from_millis(10)).await;
}
