//! Processes that die, and requests of theirs that hang.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::{Method, Request};
use kube::Client;
use kube::client::Body;
use shepherd_testkit::cluster::Cluster;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What a process of its own would be: nothing that it does outlives it.
pub(crate) struct Process(Option<Runtime>);

impl Process {
    pub(crate) fn new() -> Self {
        Self(Some(Runtime::new().unwrap()))
    }

    pub(crate) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.0.as_ref().unwrap().spawn(work).await.unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(self) {
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
pub(crate) enum Fate {
    Answered,
    /// It waits before the server until the trap is opened.
    Held,
    /// The server does it, and nobody hears of that.
    Lost,
}

/// Where requests get caught.
#[derive(Clone)]
pub(crate) struct Trap {
    /// How the path of the object ends whose patches are counted.
    object: &'static str,
    /// How many of them it takes. What is refused is tried again, and does not count.
    needed: usize,
    /// How the paths end of what is caught.
    things: &'static str,
    fate: Fate,
    /// Nothing is saved any more once it catches.
    unsaved: bool,
    set: Arc<AtomicBool>,
    patched: Arc<AtomicUsize>,
    opened: watch::Sender<bool>,
    caught: watch::Sender<bool>,
}

impl Trap {
    fn of(object: &'static str, needed: usize, things: &'static str, fate: Fate) -> Self {
        let (opened, caught) = (watch::channel(false).0, watch::channel(false).0);
        let (set, patched) = (Arc::default(), Arc::default());
        Self { object, needed, things, fate, unsaved: false, set, patched, opened, caught }
    }

    /// The first patch of this object is the claim of a rollout. Its second one meets this fate, or from then on every
    /// request for these other things.
    pub(crate) fn after_the_claim(object: &'static str, things: &'static str, fate: Fate) -> Self {
        let trap = Self::of(object, if object == things { 1 } else { 2 }, things, fate);
        trap.set();
        trap
    }

    /// The first patch of this object meets this fate once the trap is set.
    pub(crate) fn once_set(object: &'static str, fate: Fate) -> Self {
        Self::of(object, 0, object, fate)
    }

    /// The same, and from the moment on that it catches nothing is saved.
    pub(crate) fn unsaved(self) -> Self {
        Self { unsaved: true, ..self }
    }

    /// Nothing is caught.
    pub(crate) fn none() -> Self {
        Self::after_the_claim("", "", Fate::Answered)
    }

    fn catches(&self) -> bool {
        self.set.load(Ordering::SeqCst) && self.patched.load(Ordering::SeqCst) >= self.needed
    }

    fn fate(&self, patches: bool, path: &str) -> Fate {
        let meant = path.ends_with(self.things) && (patches || self.object != self.things);
        if meant && self.catches() { self.fate } else { Fate::Answered }
    }

    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.opened.send_replace(true);
    }

    /// A request was caught.
    pub(crate) async fn snaps(&self) {
        self.caught.subscribe().wait_for(|caught| *caught).await.unwrap();
    }

    /// A client whose requests may get caught. Made in the process that it is for.
    pub(crate) fn client(&self, cluster: &Cluster, namespace: &str) -> Client {
        let (inner, trap) = (cluster.client().unwrap(), self.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (inner, trap) = (inner.clone(), trap.clone());
            async move {
                let path = request.uri().path().to_owned();
                let patches = *request.method() == Method::PATCH && path.ends_with(trap.object);
                let fate = trap.fate(patches, &path);
                if trap.unsaved && trap.catches() && path.contains("/configmaps/") {
                    pending::<()>().await;
                }
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
