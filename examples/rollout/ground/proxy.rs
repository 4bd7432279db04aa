//! A reverse proxy in front of both tracks that drops no request when they change.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Request, Response, StatusCode, Uri};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::backend::InFlight;
use super::client::BODY_LIMIT;
use super::error::{ClientError, GroundError};
use super::front::{Answer, Closer, Front, Handler, answer};
use super::latency::Latencies;
use super::switchboard::Switchboard;
use super::time;
use super::track::{PerTrack, Track};

const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(10);

/// A candidate that hangs must not gather mirrored requests without end.
const MIRRORED_AT_ONCE: usize = 128;

/// What was sent to a track and how much of it failed, by an answer of 500 or more or by none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// Copies of requests; none of them counts above.
    pub(crate) mirrored: u64,
}

/// What a track did since it was last asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    pub(crate) latencies: Latencies,
}

pub(crate) struct Proxy {
    front: Front,
    router: Arc<Router>,
}

impl Proxy {
    pub(crate) async fn open(addr: SocketAddr, switchboard: Arc<Switchboard>) -> Result<Self, GroundError> {
        let router = Arc::new(Router {
            switchboard,
            tally: PerTrack::default(),
            mirrors: Arc::new(Semaphore::new(MIRRORED_AT_ONCE)),
        });
        let front = Front::open(addr, Closer::new(), Arc::clone(&router)).await?;
        Ok(Self { front, router })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.front.addr()
    }

    /// Since it was opened.
    pub(crate) fn counts(&self) -> PerTrack<Counts> {
        let PerTrack { stable, candidate } = &self.router.tally;
        PerTrack { stable: stable.counts(), candidate: candidate.counts() }
    }

    /// Since this was last called; there is one who asks.
    pub(crate) fn recent(&self) -> PerTrack<Recent> {
        let PerTrack { stable, candidate } = &self.router.tally;
        PerTrack { stable: stable.take_recent(), candidate: candidate.take_recent() }
    }

    pub(crate) async fn shutdown(mut self, deadline: Duration) {
        self.front.drain(deadline).await;
    }
}

#[derive(Default)]
struct Tally {
    requests: AtomicU64,
    failed: AtomicU64,
    mirrored: AtomicU64,
    recent: Mutex<Recent>,
}

impl Tally {
    fn record(&self, status: StatusCode, begun: Instant) {
        let failed = u64::from(status.is_server_error());
        self.requests.fetch_add(1, Relaxed);
        self.failed.fetch_add(failed, Relaxed);
        // Counts are whole after any panic.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.requests += 1;
        recent.failed += failed;
        recent.latencies.record(begun.elapsed());
    }

    fn take_recent(&self) -> Recent {
        std::mem::take(&mut self.recent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Relaxed),
            failed: self.failed.load(Relaxed),
            mirrored: self.mirrored.load(Relaxed),
        }
    }
}

struct Router {
    switchboard: Arc<Switchboard>,
    tally: PerTrack<Tally>,
    mirrors: Arc<Semaphore>,
}

impl Handler for Router {
    async fn handle(&self, request: Request<Incoming>) -> Answer {
        let begun = time::now();
        let request = match receive(request).await {
            Ok(request) => request,
            Err(refusal) => return refusal,
        };
        let pick = self.switchboard.pick(request.headers());
        if let Some(backend) = pick.mirror {
            self.mirror(pick.track.other(), backend, &request);
        }
        let answer = match pick.backend {
            Some(backend) => forward(&backend, &request).await,
            None => answer(StatusCode::SERVICE_UNAVAILABLE, "no server is ready\n"),
        };
        self.tally[pick.track].record(answer.status(), begun);
        answer
    }
}

impl Router {
    fn mirror(&self, track: Track, backend: InFlight, request: &Request<Bytes>) {
        let Ok(permit) = Arc::clone(&self.mirrors).try_acquire_owned() else { return };
        self.tally[track].mirrored.fetch_add(1, Relaxed);
        let request = request.clone();
        tokio::spawn(async move {
            // Whatever comes of it is not for the client, who has the answer of stable.
            let _ = timeout(UPSTREAM_TIMEOUT, backend.send(&request)).await;
            drop(permit);
        });
    }
}

/// The whole request, as it goes upstream: to send it twice, one has to have it.
async fn receive(request: Request<Incoming>) -> Result<Request<Bytes>, Answer> {
    let (mut parts, body) = request.into_parts();
    let too_large = |_| answer(StatusCode::PAYLOAD_TOO_LARGE, "the body could not be read\n");
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(too_large)?.to_bytes();
    if let Some(path) = parts.uri.path_and_query() {
        parts.uri = Uri::from(path.clone());
    }
    drop_hop_by_hop(&mut parts.headers);
    Ok(Request::from_parts(parts, body))
}

async fn forward(backend: &InFlight, request: &Request<Bytes>) -> Answer {
    let answered = timeout(UPSTREAM_TIMEOUT, backend.send(request)).await;
    match answered.unwrap_or(Err(ClientError::TimedOut)) {
        Ok(response) => pass_on(response),
        Err(error) => refuse(backend.addr(), &error),
    }
}

fn pass_on(mut response: Response<Bytes>) -> Answer {
    drop_hop_by_hop(response.headers_mut());
    response.map(Full::new)
}

fn refuse(addr: SocketAddr, error: &ClientError) -> Answer {
    tracing::debug!(%addr, %error, "a server gave no answer");
    let status = match error {
        ClientError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    answer(status, format!("{error}\n"))
}

/// Headers that speak of one connection and not of the message.
fn drop_hop_by_hop(headers: &mut HeaderMap) {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_owned()))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        header::CONNECTION,
        KEEP_ALIVE,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
}
