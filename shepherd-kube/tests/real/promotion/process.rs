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

/// Where requests get caught.
#[derive(Clone)]
pub(super) struct Trap {
    /// How the paths end: of the object that is patched, and of what is caught.
    object: &'static str,
    things: &'static str,
    fate: Fate,
    /// How often the object was patched. What is refused is tried again, and does not count.
    patched: Arc<AtomicUsize>,
    opened: watch::Sender<bool>,
    caught: watch::Sender<bool>,
}

impl Trap {
    /// The first patch of this object is the claim of a rollout. Its second one meets this fate, or from then on every
    /// request for these other things.
    pub(super) fn after_the_claim(object: &'static str, things: &'static str, fate: Fate) -> Self {
        let (opened, caught) = (watch::channel(false).0, watch::channel(false).0);
        Self { object, things, fate, patched: Arc::default(), opened, caught }
    }

    /// Nothing is caught.
    pub(super) fn none() -> Self {
        Self::after_the_claim("", "", Fate::Answered)
    }

    fn fate(&self, patches: bool, path: &str) -> Fate {
        let so_far = self.patched.load(Ordering::SeqCst);
        let second = if self.object == self.things { patches && so_far == 1 } else { so_far > 1 };
        if second && path.ends_with(self.things) { self.fate } else { Fate::Answered }
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
                let path = request.uri().path().to_owned();
                let patches = *request.method() == Method::PATCH && path.ends_with(trap.object);
                let fate = trap.fate(patches, &path);
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
                if patches && answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
                    trap.patched.fetch_add(1, Ordering::SeqCst);
                }
                answer
            }
        });
        Client::new(service, namespace)
    }
}
