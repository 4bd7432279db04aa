//! Processes that die, and requests of theirs that hang.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use shepherd_testkit::cluster::Cluster;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What a process of its own would be: nothing that it does outlives it.
pub(super) struct Process(Option<Runtime>);

impl Process {
    pub(super) fn new() -> Self {
        Self(Some(Runtime::new().unwrap()))
    }

    pub(super) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.0.as_ref().unwrap().spawn(work).await.unwrap()
    }

    /// `kill -9`.
    pub(super) fn kill(self) {
        drop(self);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A runtime may not be waited for where another one runs.
        self.0.take().unwrap().shutdown_background();
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Answered,
    /// It waits before the server until the trap is opened.
    Held,
    /// The server does it, and nobody hears of that.
    Lost,
}

/// Says it by the method and the path.
type Decide = dyn Fn(&Method, &str) -> Fate + Send + Sync;

/// Where requests get caught.
#[derive(Clone)]
pub(super) struct Trap {
    decide: Arc<Decide>,
    opened: watch::Sender<bool>,
    caught: watch::Sender<bool>,
}

impl Trap {
    pub(super) fn new(decide: impl Fn(&Method, &str) -> Fate + Send + Sync + 'static) -> Self {
        Self { decide: Arc::new(decide), opened: watch::channel(false).0, caught: watch::channel(false).0 }
    }

    /// From the second patch of this object on, the claim of a rollout being the first, every request for these things
    /// meets its fate.
    pub(super) fn after_the_claim(object: &'static str, things: &'static str, fate: Fate) -> Self {
        let patches = AtomicUsize::new(0);
        Self::new(move |method, path| {
            let patches = if *method == Method::PATCH && path.ends_with(object) {
                patches.fetch_add(1, Ordering::SeqCst) + 1
            } else {
                patches.load(Ordering::SeqCst)
            };
            if patches > 1 && path.ends_with(things) { fate } else { Fate::Answered }
        })
    }

    pub(super) fn open(&self) {
        self.opened.send_replace(true);
    }

    /// A request was caught.
    pub(super) async fn snaps(&self) {
        self.caught.subscribe().wait_for(|caught| *caught).await.unwrap();
    }

    /// A client whose requests may get caught. Made in the process that it is for.
    pub(super) fn client(&self, cluster: &Cluster, namespace: &str) -> Client {
        let (inner, trap) = (cluster.client().unwrap(), self.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (inner, trap) = (inner.clone(), trap.clone());
            async move {
                let fate = (trap.decide)(request.method(), request.uri().path());
                let mut opened = trap.opened.subscribe();
                if fate == Fate::Held && !*opened.borrow() {
                    trap.caught.send_replace(true);
                    opened.wait_for(|opened| *opened).await.unwrap();
                }
                let answer = inner.send(request).await;
                if fate == Fate::Lost {
                    trap.caught.send_replace(true);
                    pending::<()>().await;
                }
                answer
            }
        });
        Client::new(service, namespace)
    }
}
