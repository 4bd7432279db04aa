use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::header::{HeaderValue, USER_AGENT};
use kube::config::Kubeconfig;
use kube::{Client, Config};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::OnceCell;

use super::audit::AuditLog;
use super::builder::ClusterBuilder;
use super::crds::CustomResources;
use super::error::ClusterError;
use super::gateway::Gateway;
use super::namespace::Namespace;
use super::nginx::Nginx;
use super::node;
use super::place::{Kind, Place};
use super::plane::{AUDIT_LOG, Plane};
use super::pods::Keeper;
use super::process::Process;
use super::registry::Registry;
use super::server::Server;
use super::wait::{PATIENCE, until};

/// A real control plane with nodes whose pods serve. See the [module](super) for what is real.
///
/// ```no_run
/// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
/// use shepherd_testkit::cluster::Cluster;
///
/// let cluster = Cluster::shared().await?;
/// let shop = cluster.namespace("shop").await?;
/// shop.deployment("web", "shop:v1", 3).await?;
/// shop.ready_pods("app=web", 3).await?;
/// # Ok(())
/// # }
/// ```
pub struct Cluster {
    // Before the plane: the keeper's last writes go to a server that is there.
    runtime: Option<Runtime>,
    config: Config,
    plane: Plane,
    ready: OnceLock<Duration>,
    gateway: OnceCell<Gateway>,
    nginx: OnceCell<Nginx>,
    registry: OnceCell<Registry>,
    private_registry: OnceCell<Registry>,
    _place: Place,
}

/// What clients of the testkit call themselves.
const AGENT: &str = "shepherd-testkit";

static SHARED: OnceCell<Arc<Cluster>> = OnceCell::const_new();

impl Cluster {
    /// The one that all tests of this process share, each in a [namespace](Self::namespace) of its own. The first to ask
    /// starts it; it ends with the process.
    ///
    /// # Errors
    /// As [`ClusterBuilder::start`]. The next to ask tries again.
    pub async fn shared() -> Result<Arc<Self>, ClusterError> {
        let start = || async {
            let mut builder = Self::builder();
            builder.kind = Kind::Shared;
            builder.start().await
        };
        SHARED.get_or_try_init(start).await.cloned()
    }

    /// One of the test's own, for tests that hurt the server. It costs 3 to 6 s and about 530 MB.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::new()
    }

    /// How long it took from nothing to nodes that are ready.
    pub fn ready_after(&self) -> Duration {
        self.ready.get().copied().unwrap_or_default()
    }

    /// A client that may do everything. It belongs to the tokio runtime that it is made in.
    ///
    /// # Errors
    /// When its certificates cannot be read.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn client(&self) -> Result<Client, ClusterError> {
        Client::try_from(self.config.clone()).map_err(ClusterError::api("making a client"))
    }

    /// How [`client`](Self::client) is made, for a client that differs. As a user agent it sends `shepherd-testkit`, which
    /// is what the [audit log](Self::audit) knows it by.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// The file that tells `kubectl` and others how to reach it, from within this network namespace.
    pub fn kubeconfig(&self) -> PathBuf {
        self.plane.credentials.kubeconfig_file("admin")
    }

    /// A new namespace whose name begins so. It is deleted when it is dropped.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn namespace(self: &Arc<Self>, begins: &str) -> Result<Namespace, ClusterError> {
        Namespace::create(Arc::clone(self), begins).await
    }

    /// Adds custom resource definitions, and returns when they are served. Those that are there are left as they are.
    ///
    /// # Errors
    /// When their files are missing or the API server refuses.
    pub async fn install(&self, these: CustomResources) -> Result<(), ClusterError> {
        these.install(&self.client()?, self.plane.programs()).await
    }

    /// The Gateway API's data plane, Contour and Envoy. The first to ask starts it; routes of all tests share it, each
    /// with a host name of its own.
    ///
    /// # Errors
    /// When its programs are missing, or it does not become ready.
    pub async fn gateway(&self) -> Result<&Gateway, ClusterError> {
        self.gateway.get_or_try_init(|| Gateway::start(self)).await
    }

    /// An NGINX that follows Ingresses and their canary annotations. The first to ask starts it; all tests share it,
    /// each with a host name of its own.
    ///
    /// # Errors
    /// When there is no `nginx` on this machine, or it does not become ready.
    pub async fn nginx(&self) -> Result<&Nginx, ClusterError> {
        self.nginx.get_or_try_init(|| Nginx::start(self)).await
    }

    /// A registry of images that everybody may see. The first to ask starts it; all tests share it, each with repositories
    /// of its own.
    ///
    /// # Errors
    /// When its program is missing, or it does not become ready.
    pub async fn registry(&self) -> Result<&Registry, ClusterError> {
        self.registry.get_or_try_init(|| Registry::start(self, false)).await
    }

    /// Another one, of images that only [whoever logs in](Registry::login) may see.
    ///
    /// # Errors
    /// As [`registry`](Self::registry).
    pub async fn private_registry(&self) -> Result<&Registry, ClusterError> {
        self.private_registry.get_or_try_init(|| Registry::start(self, true)).await
    }

    /// Every write that the API server has answered.
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.plane.folder().join(AUDIT_LOG))
    }

    /// Ends one of its servers as a crash would. For a cluster of the test's own: others share the shared one.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
    /// use shepherd_testkit::cluster::{Cluster, Server};
    /// let cluster = Cluster::builder().service_proxy(false).start().await?;
    /// cluster.kill(Server::ApiServer)?;
    /// // What does the rollout do now?
    /// cluster.start_again(Server::ApiServer).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the cluster was built without it.
    pub fn kill(&self, server: Server) -> Result<(), ClusterError> {
        self.plane.with(server, |process| {
            process.kill();
            Ok(())
        })
    }

    /// Starts a server again, with all that it knew, and returns when the API server is ready.
    ///
    /// # Errors
    /// When the cluster was built without it, or it does not become ready.
    pub async fn start_again(&self, server: Server) -> Result<(), ClusterError> {
        self.plane.with(server, Process::start_again)?;
        self.served().await
    }

    /// An error with the end of its log when one of the servers has ended.
    ///
    /// # Errors
    /// As it says.
    pub fn alive(&self) -> Result<(), ClusterError> {
        self.plane.alive()
    }

    pub(super) fn of(plane: Plane, held: Place) -> Result<Self, ClusterError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("shepherd-testkit")
            .enable_all()
            .build()
            .map_err(ClusterError::io("starting a runtime"))?;
        let config = config(&plane, "admin")?;
        Ok(Self {
            runtime: Some(runtime),
            config,
            plane,
            ready: OnceLock::new(),
            gateway: OnceCell::new(),
            nginx: OnceCell::new(),
            registry: OnceCell::new(),
            private_registry: OnceCell::new(),
            _place: held,
        })
    }

    /// From servers that were just started to nodes that are ready.
    pub(super) async fn get_ready(&self, nodes: usize) -> Result<(), ClusterError> {
        self.served().await?;
        let client = self.client()?;
        self.plane.start_rest()?;
        let mut keeper = config(&self.plane, "testkit")?;
        keeper.read_timeout = None;
        self.spawn(async move {
            if let Ok(client) = Client::try_from(keeper) {
                Keeper::new(client).keep().await;
            }
        });
        if let Err(late) = node::make(&client, nodes).await {
            self.plane.alive()?;
            return Err(late);
        }
        // It gets ready once.
        let _ = self.ready.set(self.plane.started.elapsed());
        Ok(())
    }

    async fn served(&self) -> Result<(), ClusterError> {
        let client = self.client()?;
        self.attended("the API server being ready", async || {
            let request = hyper::Request::get("/readyz").body(Vec::new());
            let request = request.map_err(|error| ClusterError::Malformed(error.to_string()))?;
            Ok(client.request_text(request).await.map(drop).map_err(|error| error.to_string()))
        })
        .await
    }

    /// Waits for something, and tells of a server that has ended in place of that it is late.
    pub(super) async fn attended<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Result<T, String>, ClusterError>,
    ) -> Result<T, ClusterError> {
        until(what, PATIENCE, async || {
            self.plane.alive()?;
            look().await
        })
        .await
        .map_err(|error| match error {
            ClusterError::Late { what, waited, last } => {
                let last = format!("{}{}", last.unwrap_or_default(), self.plane.logs());
                ClusterError::Late { what, waited, last: Some(last) }
            }
            other => other,
        })
    }

    /// Work that lives as long as the cluster, whatever becomes of the test's own runtime.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(handle) = self.handle() {
            handle.spawn(work);
        }
    }

    pub(super) fn handle(&self) -> Option<Handle> {
        self.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// How a server of the plane reaches it.
    pub(super) fn client_config(&self, user: &str) -> Result<Config, ClusterError> {
        config(&self.plane, user)
    }

    pub(super) fn plane(&self) -> &Plane {
        &self.plane
    }

    /// A client of some other user.
    pub(super) fn client_of(&self, user: &str, token: &str) -> Result<Client, ClusterError> {
        let config = parse(&self.plane.credentials.kubeconfig(user, token))?;
        Client::try_from(config).map_err(ClusterError::api(format!("making a client of {user}")))
    }
}

impl Debug for Cluster {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.config.cluster_url.to_string())
            .finish_non_exhaustive()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting is forbidden to those who drop it within a runtime.
            runtime.shutdown_background();
        }
    }
}

fn config(plane: &Plane, user: &str) -> Result<Config, ClusterError> {
    parse(&plane.credentials.kubeconfig(user, &format!("token-{user}")))
}

fn parse(kubeconfig: &str) -> Result<Config, ClusterError> {
    let kubeconfig =
        Kubeconfig::from_yaml(kubeconfig).map_err(|error| ClusterError::Malformed(error.to_string()))?;
    let mut config =
        Config::try_from(kubeconfig).map_err(|error| ClusterError::Malformed(error.to_string()))?;
    config.headers.push((USER_AGENT, HeaderValue::from_static(AGENT)));
    Ok(config)
}
