use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::meter::Meter;
use super::script::PodScript;

/// Who answers, as its answers say.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) pod: String,
    pub(super) image: String,
}

/// How far a server is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serves,
    /// Answers, and asks kept connections to leave.
    Drains,
    /// Takes nothing new, and ends when what is under way is answered.
    Closes,
}

/// The listening process of a pod: one HTTP server at its address for each of its ports. Dropped, it is gone at once,
/// as if killed.
#[derive(Debug)]
pub(super) struct Server {
    phase: watch::Sender<Phase>,
    script: watch::Sender<PodScript>,
    tasks: JoinSet<()>,
}

impl Server {
    pub(super) async fn listen(
        address: Ipv4Addr,
        ports: &[u16],
        identity: Arc<Identity>,
        meter: Arc<Meter>,
        script: PodScript,
    ) -> std::io::Result<Self> {
        let mut server = Self {
            phase: watch::Sender::new(Phase::Serves),
            script: watch::Sender::new(script),
            tasks: JoinSet::new(),
        };
        for port in ports {
            let listener = TcpListener::bind(SocketAddr::from((address, *port))).await?;
            let answering = Answering {
                identity: Arc::clone(&identity),
                meter: Arc::clone(&meter),
                phase: server.phase.subscribe(),
                script: server.script.subscribe(),
            };
            server.tasks.spawn(accept(listener, answering));
        }
        Ok(server)
    }

    /// Answers by another script from now on.
    pub(super) fn follow(&self, script: PodScript) {
        self.script.send_replace(script);
    }

    /// Goes on answering, and asks kept connections to leave.
    pub(super) fn drain(&self) {
        self.phase.send_replace(Phase::Drains);
    }

    /// Takes nothing new, and waits for what is under way.
    pub(super) async fn close(mut self) {
        self.phase.send_replace(Phase::Closes);
        while self.tasks.join_next().await.is_some() {}
    }
}

#[derive(Clone)]
struct Answering {
    identity: Arc<Identity>,
    meter: Arc<Meter>,
    phase: watch::Receiver<Phase>,
    script: watch::Receiver<PodScript>,
}

async fn accept(listener: TcpListener, answering: Answering) {
    let mut phase = answering.phase.clone();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An accept that fails is the client's affair.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, answering.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            _ = phase.wait_for(|phase| *phase == Phase::Closes) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, answering: Answering) {
    // Only latency is lost if it fails.
    let _ = stream.set_nodelay(true);
    let mut phase = answering.phase.clone();
    let service = service_fn(move |request| answer(answering.clone(), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = phase.wait_for(|phase| *phase == Phase::Closes) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(
    answering: Answering,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let Answering { identity, meter, phase, script } = answering;
    let mut response = if request.uri().path() == "/metrics" {
        Response::new(Full::from(meter.page(&identity)))
    } else {
        let script = script.borrow().clone();
        let failed = meter.next_fails(script.errors);
        if !script.latency.is_zero() {
            tokio::time::sleep(script.latency).await;
        }
        let mut response = Response::new(Full::from(format!("{} {}\n", identity.image, identity.pod)));
        if failed {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    };
    let headers = response.headers_mut();
    for (name, value) in [("x-pod", &identity.pod), ("x-image", &identity.image)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if *phase.borrow() != Phase::Serves {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
