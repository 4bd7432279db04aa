use std::net::SocketAddr;
use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use super::running::RunningLoad;
use super::tally::Tally;
use crate::cluster::error::ClusterError;

/// Whether requests travel together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// Each on a connection of its own: it goes where new connections go.
    Fresh,
    /// Each user keeps one, as browsers and other services do, until the server ends it: it stays where it is.
    Kept,
}

/// Requests to one address, and what becomes of them.
///
/// ```no_run
/// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
/// use shepherd_testkit::cluster::{Cluster, Connections, Load};
/// # let shop = Cluster::shared().await?.namespace("shop").await?;
/// let address = shop.service("web", "web").await?;
/// let load = Load::to(address).connections(Connections::Kept).rate(200.0).start();
/// // Roll out something.
/// let tally = load.stop().await;
/// assert_eq!(tally.failed(), 0, "{tally}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "no request is sent until it is started"]
pub struct Load {
    pub(super) address: SocketAddr,
    pub(super) path: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) connections: Connections,
    pub(super) users: usize,
    pub(super) rate: f64,
    pub(super) patience: Duration,
    pub(super) limit: Option<u64>,
}

impl Load {
    /// To that address: `GET /` by 8 users, 100 requests a second in all, each on a connection of its own, with 5 s for
    /// an answer.
    pub fn to(address: SocketAddr) -> Self {
        Self {
            address,
            path: "/".to_owned(),
            headers: Vec::new(),
            connections: Connections::Fresh,
            users: 8,
            rate: 100.0,
            patience: Duration::from_secs(5),
            limit: None,
        }
    }

    /// Asks for that path.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sends that header with each request: `host`, what a match looks for, a cookie.
    ///
    /// # Errors
    /// When HTTP has no such header.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, ClusterError> {
        let malformed = || ClusterError::Malformed(format!("`{name}: {value}` is no header"));
        let header = (name.parse().map_err(|_| malformed())?, value.parse().map_err(|_| malformed())?);
        self.headers.push(header);
        Ok(self)
    }

    /// On kept or on fresh connections.
    pub fn connections(mut self, connections: Connections) -> Self {
        self.connections = connections;
        self
    }

    /// By that many users; each waits for its answer before it asks again.
    pub fn users(mut self, users: usize) -> Self {
        self.users = users.max(1);
        self
    }

    /// That many requests a second, of all users together, as long as answers are quick enough.
    pub fn rate(mut self, per_second: f64) -> Self {
        self.rate = per_second.max(0.001);
        self
    }

    /// Counts a request as failed that is not answered after this time.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Begins, in the tokio runtime of the caller.
    pub fn start(self) -> RunningLoad {
        RunningLoad::start(self)
    }

    /// Sends that many requests as fast as they are answered, and counts them.
    pub async fn send(mut self, requests: u64) -> Tally {
        self.limit = Some(requests);
        self.start().finished().await
    }
}
