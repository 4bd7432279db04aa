use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Client;
use kube::Resource;
use kube::api::{ApiResource, DynamicObject};
use shepherd_core::ports::{Clock, SystemClock};
use tokio::task::AbortHandle;

use super::follower::Follower;
use super::state::State;

/// Looks of many rollouts by a few watches, in place of requests.
///
/// Every look of every rollout asks the API server for a handful of objects, which is nothing for ten rollouts and too
/// much for a thousand. Adapters that are given the same `Watches` look into what one list and one watch for each kind
/// and namespace keep for all of them: what a look costs the server does not depend on how many there are. Writes go to
/// the server as ever.
///
/// A watch is opened by the first look that needs it, and ended two minutes after the last one. When the last clone of
/// this and the last adapter that was given it are dropped, all of them end. Nothing is begun before.
///
/// # How fresh a look is
/// Shepherd decides by what it sees, so an object, or that there is none, comes from a watch only where a look at the
/// server could have told the same. Otherwise the server is asked:
/// - **A watch that may be dead.** Until its first list is there, from any failure of it until everything was listed
///   anew, and when nothing was heard of the server for 20 seconds. The server is asked to end each watch after 15, so
///   a connection that died in silence is found out within those 20: that is how old at most what is seen may be. Let
///   [`max_gap`](shepherd_core::plan::Attention) be longer than that, as its 30 seconds are.
/// - **After a write.** A look tells of every write that the server has accepted from an adapter with these watches,
///   and of nothing before what such an adapter has been answered. It waits a tenth of a second for the watch to tell
///   of it. When it is not known whether a write was accepted, the next look asks the server.
/// - **What belongs to another object**, such as the `ReplicaSets` of a Deployment, or the endpoints of a Service that a
///   promotion switches: until their watch has come past the last change of that object's spec, which takes 15 seconds
///   where nothing of them changes. So no replicas are counted from before that change.
/// - **What makes no sense together.** Each kind is watched apart, and what others change in two of them may be seen of
///   one before the other. Where a switched Service then sends to neither Deployment, both are looked at directly.
///
/// Versions are compared as numbers, which Kubernetes promises since 1.35 and has always kept to. Where a server's are
/// none, every look asks it.
///
/// What is watched needs the verbs `list` and `watch`. A client that may not is told of once, by a warning of
/// `tracing`, and looks by requests. Secrets are never watched, and of pods neither environment nor annotations are
/// kept.
///
/// # Cancel safety
/// Looks may be dropped at any time. The watches run in tasks of their own, on the tokio runtime of whoever looks first.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::Watches;
/// use shepherd_kube::router::GatewayRoute;
/// use shepherd_kube::workload::DeploymentPair;
///
/// let client = kube::Client::try_default().await?;
/// let watches = Watches::new(client.clone());
/// for name in ["web", "api"] {
///     let router = GatewayRoute::http(client.clone(), "shop", name).watching(&watches);
///     let workload = DeploymentPair::new(client.clone(), "shop", name).watching(&watches);
///     // A rollout for each, as ever.
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Watches {
    client: Client,
    clock: Arc<dyn Clock>,
    open: Arc<Mutex<BTreeMap<String, Watch>>>,
}

/// One kind in one namespace. It ends with this.
struct Watch {
    state: Arc<State>,
    task: AbortHandle,
}

impl Watches {
    /// By this client. Adapters that are given these watches use it from then on, so that what they see and what they
    /// write is of one cluster.
    pub fn new(client: Client) -> Self {
        Self { client, clock: Arc::new(SystemClock::new()), open: Arc::default() }
    }

    /// By whose clock a watch has been silent for too long; the machine's own unless told otherwise.
    #[must_use]
    pub fn timed_by(self, clock: impl Clock + 'static) -> Self {
        Self { clock: Arc::new(clock), open: Arc::default(), ..self }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// What is known of a kind in a namespace. The watch is opened when there is none.
    pub(super) fn open(&self, kind: &ApiResource, namespace: &str) -> Arc<State> {
        let path = DynamicObject::url_path(kind, Some(namespace));
        let mut open = self.all();
        // One that nobody looked at has ended, and so has one whose runtime is gone.
        if let Some(watch) = open.get(&path).filter(|watch| !watch.task.is_finished()) {
            return watch.state.clone();
        }
        let state = Arc::new(State::new(self.clock.now().elapsed));
        let (client, clock) = (self.client.clone(), self.clock.clone());
        let follower = Follower { client, clock, path: path.clone(), state: state.clone() };
        let task = tokio::spawn(follower.follow()).abort_handle();
        open.insert(path, Watch { state: state.clone(), task });
        state
    }

    /// The same, when it is open.
    pub(super) fn opened(&self, kind: &ApiResource, namespace: &str) -> Option<Arc<State>> {
        self.all().get(&DynamicObject::url_path(kind, Some(namespace))).map(|watch| watch.state.clone())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Watch>> {
        // Nothing panics while it is held, and a map is whole after each of its calls.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watches").field("open", &self.all().keys()).finish_non_exhaustive()
    }
}
