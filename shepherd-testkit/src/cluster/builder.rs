use std::path::PathBuf;
use std::sync::Arc;

use super::cluster::Cluster;
use super::crds::CustomResources;
use super::error::ClusterError;
use super::place::{Kind, Place};
use super::plane::Plane;
use super::programs::Programs;

/// How a [`Cluster`] of a test's own shall be.
///
/// ```no_run
/// # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
/// use shepherd_testkit::cluster::{Cluster, CustomResources};
/// let cluster = Cluster::builder().nodes(1).custom_resources(CustomResources::GatewayApi).start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing runs until it is started"]
pub struct ClusterBuilder {
    nodes: usize,
    service_proxy: bool,
    custom_resources: Vec<CustomResources>,
    programs: Option<PathBuf>,
    pub(super) kind: Kind,
}

impl ClusterBuilder {
    pub(super) fn new() -> Self {
        Self { nodes: 2, service_proxy: true, custom_resources: Vec::new(), programs: None, kind: Kind::Own }
    }

    /// How many nodes it has; 2 unless said.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// Whether a kube-proxy makes the addresses of Services work; it does unless said. A process has room for one.
    pub fn service_proxy(mut self, runs: bool) -> Self {
        self.service_proxy = runs;
        self
    }

    /// Has these definitions from the beginning. [`Cluster::install`] adds them later.
    pub fn custom_resources(mut self, these: CustomResources) -> Self {
        self.custom_resources.push(these);
        self
    }

    /// Where its programs are, in place of what `KUBEBUILDER_ASSETS` or `just control-plane` say.
    pub fn programs(mut self, folder: impl Into<PathBuf>) -> Self {
        self.programs = Some(folder.into());
        self
    }

    /// Starts it, and returns when its nodes are ready. It ends with the last of its handles.
    ///
    /// # Errors
    /// When the process has no network namespace of its own, a program is missing, or a server does not become ready;
    /// the error has the end of its log.
    pub async fn start(self) -> Result<Arc<Cluster>, ClusterError> {
        let programs = match &self.programs {
            Some(folder) => Programs::in_folder(folder),
            None => Programs::find()?,
        };
        let place = Place::take(self.kind).await?;
        let cluster = Cluster::of(Plane::start(programs, self.service_proxy)?, place)?;
        cluster.get_ready(self.nodes).await?;
        for these in &self.custom_resources {
            cluster.install(*these).await?;
        }
        Ok(Arc::new(cluster))
    }
}
