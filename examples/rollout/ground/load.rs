//! A load: so many requests per second, over so many connections, and what became of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{COOKIE, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::client::{Connection, with_host};
use super::error::ClientError;
use super::latency::Latencies;
use super::time;

/// Of so many requests one goes over a fresh connection, as those of new visitors do.
const FRESH_EVERY: u64 = 20;

const PATIENCE: Duration = Duration::from_secs(30);

/// How far the load may fall behind its rate and still catch up; what is beyond is not asked at all.
const CATCH_UP: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadSettings {
    pub(crate) target: SocketAddr,
    /// Requests per second. Fewer are sent while all connections wait for answers.
    pub(crate) rate: u32,
    pub(crate) connections: usize,
    /// So many requests are those of beta users: they carry `x-beta: 1` and the cookie `beta=1`.
    pub(crate) beta_percent: u8,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) requests: u64,
    /// No answer, or one of 500 and above.
    pub(crate) failed: u64,
    pub(crate) latencies: Latencies,
    /// What went wrong first, for whoever asks why.
    pub(crate) first_failure: Option<String>,
}

/// Dropping it leaves requests unfinished; `stop` does not.
pub(crate) struct Load {
    stop: watch::Sender<bool>,
    totals: Arc<Mutex<Totals>>,
    workers: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(settings: LoadSettings) -> Self {
        let stop = watch::Sender::new(false);
        let totals = Arc::default();
        let pace = Arc::new(Mutex::new(Pace { next: time::now(), ticket: 0 }));
        let worker = |_| Worker {
            settings,
            pace: Arc::clone(&pace),
            totals: Arc::clone(&totals),
            stop: stop.subscribe(),
            kept: None,
        };
        let workers = (0..settings.connections).map(worker).map(Worker::run).collect();
        Self { stop, totals, workers }
    }

    /// So far.
    pub(crate) fn totals(&self) -> Totals {
        lock(&self.totals).clone()
    }

    /// Sends no more requests, waits for the answers that are due and returns what became of all.
    pub(crate) async fn stop(mut self) -> Totals {
        self.stop.send_replace(true);
        while self.workers.join_next().await.is_some() {}
        self.totals()
    }
}

/// When the next request is due.
struct Pace {
    next: Instant,
    ticket: u64,
}

impl Pace {
    fn take(&mut self, rate: u32) -> (u64, Instant) {
        let earliest = time::now().checked_sub(CATCH_UP).unwrap_or(self.next);
        let due = self.next.max(earliest);
        self.next = due + Duration::from_secs(1) / rate.max(1);
        self.ticket += 1;
        (self.ticket, due)
    }
}

/// One connection and who sends over it.
struct Worker {
    settings: LoadSettings,
    pace: Arc<Mutex<Pace>>,
    totals: Arc<Mutex<Totals>>,
    stop: watch::Receiver<bool>,
    kept: Option<Connection>,
}

impl Worker {
    async fn run(mut self) {
        while let Some(ticket) = self.next_ticket().await {
            if ticket.is_multiple_of(FRESH_EVERY) {
                self.kept = None;
            }
            let begun = time::now();
            let outcome = timeout(PATIENCE, self.ask(ticket)).await.unwrap_or(Err(ClientError::TimedOut));
            lock(&self.totals).record(&outcome, begun.elapsed());
        }
    }

    /// Waits for its turn; none when the load has been stopped.
    async fn next_ticket(&mut self) -> Option<u64> {
        let (ticket, due) = lock(&self.pace).take(self.settings.rate);
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => None,
            () = time::sleep_until(due) => Some(ticket),
        }
    }

    async fn ask(&mut self, ticket: u64) -> Result<StatusCode, ClientError> {
        let mut connection = match self.kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.settings.target).await?,
        };
        let response = connection.exchange(self.request(ticket)).await?;
        // A server may ask that no more be sent over this connection.
        self.kept = (!connection.is_closed()).then_some(connection);
        Ok(response.status())
    }

    fn request(&self, ticket: u64) -> Request<Bytes> {
        let mut request = with_host(Request::new(Bytes::new()), self.settings.target);
        if is_beta(ticket, self.settings.beta_percent) {
            request.headers_mut().insert("x-beta", HeaderValue::from_static("1"));
            request.headers_mut().insert(COOKIE, HeaderValue::from_static("beta=1"));
        }
        request
    }
}

impl Totals {
    fn record(&mut self, outcome: &Result<StatusCode, ClientError>, latency: Duration) {
        self.requests += 1;
        self.latencies.record(latency);
        let failure = match outcome {
            Ok(status) if status.is_server_error() => format!("answered {status}"),
            Ok(_) => return,
            Err(error) => error.to_string(),
        };
        self.failed += 1;
        self.first_failure.get_or_insert(failure);
    }
}

/// Not by `spread`, or the beta users would be the very requests that the proxy picks by weight.
fn is_beta(ticket: u64, percent: u8) -> bool {
    // 37 and 100 have no common factor, so every hundred requests hold exactly that many.
    ticket.wrapping_mul(37) % 100 < u64::from(percent)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counts are whole after any panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
