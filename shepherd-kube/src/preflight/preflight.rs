use std::fmt;

use kube::Client;
use shepherd_core::model::Revision;

use super::pulled::Asked;
use super::{Findings, Grounded, Images, PreflightError, Report, server};

/// Looks whether a rollout has all that it needs, before anything is changed.
///
/// It asks whether the server is there, whether it serves the kinds and grants the verbs that the adapters need,
/// whether their objects and those that the pods need exist and fit together, and whether the server would take their
/// first writes. Whatever could not be asked is a warning that says so.
///
/// It changes nothing. What it sends are reads, questions about permissions, and dry runs, and to others than the API
/// server nothing but what [`images`](Self::images) asks. Of Secrets it asks for the metadata only.
///
/// Some questions are about what no adapter needs at run time: by `get` the Services that the tracks are behind, by
/// `list` all Services, budgets, policies, autoscalers and quotas of the namespace. A role that may not look at them
/// costs a warning each, and no error.
///
/// ```no_run
/// # async fn example(client: kube::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::blue_green::BlueGreenService;
/// use shepherd_kube::preflight::Preflight;
/// use shepherd_kube::store::KubeStore;
///
/// let web = BlueGreenService::new(client.clone(), "shop", "web");
/// let (router, workload) = (web.router(), web.workload());
/// let store = KubeStore::new(client.clone(), "shop", "deploy-bot-0");
/// let report = Preflight::of(&client)
///     .router(&router)
///     .workload(&workload)
///     .also(&store)
///     .candidate("shop:v2".parse()?)
///     .candidate_replicas(4)
///     .check()
///     .await?;
/// for finding in report.errors() {
///     eprintln!("{}: {}", finding.object, finding.remedy);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Preflight<'a> {
    client: Client,
    routers: Vec<&'a dyn Grounded>,
    workloads: Vec<&'a dyn Grounded>,
    others: Vec<&'a dyn Grounded>,
    candidate: Option<Revision>,
    images: Option<Asked>,
    replicas: Option<u32>,
}

impl<'a> Preflight<'a> {
    /// With this client, which should be that of the adapters: permissions are asked for who asks.
    pub fn of(client: &Client) -> Self {
        Self {
            client: client.clone(),
            routers: Vec::new(),
            workloads: Vec::new(),
            others: Vec::new(),
            candidate: None,
            images: None,
            replicas: None,
        }
    }

    /// What runs the two tracks.
    pub fn workload(mut self, workload: &'a dyn Grounded) -> Self {
        self.workloads.push(workload);
        self
    }

    /// What sends users to them.
    pub fn router(mut self, router: &'a dyn Grounded) -> Self {
        self.routers.push(router);
        self
    }

    /// A store, a notifier, or whatever else the rollout has. A [`KubeStore`](crate::store::KubeStore) tells besides
    /// whether it knows the rollout by which users meet a candidate already.
    pub fn also(mut self, other: &'a dyn Grounded) -> Self {
        self.others.push(other);
        self
    }

    /// The revision that is to come. What its pods need is looked at then, and whether they can be made at all; without
    /// it, what stable's need.
    pub fn candidate(mut self, revision: Revision) -> Self {
        self.candidate = Some(revision);
        self
    }

    /// Asks whether the images that the pods pull are there, each once for this preflight and its clones, whatever the
    /// answer. Without it, nobody is asked: an image that is not there is found by the candidate's pods then, and taken
    /// back.
    ///
    /// ```no_run
    /// # async fn example(client: kube::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use shepherd_kube::preflight::Preflight;
    /// use shepherd_kube::registry::Registries;
    /// use shepherd_kube::workload::DeploymentPair;
    ///
    /// let pair = DeploymentPair::new(client.clone(), "shop", "web");
    /// let preflight = Preflight::of(&client).workload(&pair).candidate("shop:v2".parse()?);
    /// let report = preflight.images(Registries::new()).check().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn images(mut self, images: impl Images + 'static) -> Self {
        self.images = Some(Asked::of(images));
        self
    }

    /// How many replicas the candidate has at its peak, for the quotas of the namespace; as many as stable, unless told
    /// otherwise.
    pub fn candidate_replicas(mut self, replicas: u32) -> Self {
        self.replicas = Some(replicas);
        self
    }

    /// Asks everything. It waits for answers as long as its client does, and whoever knows of images.
    ///
    /// # Errors
    /// Only when no server answers at all, or none that knows this client. Everything else is in the report.
    ///
    /// # Cancel safety
    /// Nothing is changed, so a check may be dropped at any time.
    pub async fn check(self) -> Result<Report, PreflightError> {
        let version = server::version(&self.client).await?;
        let mut findings = Findings::new(self.client, self.candidate, self.images, self.replicas);
        // Routers first: they know which Services the tracks are behind.
        for one in self.routers.into_iter().chain(self.workloads).chain(self.others) {
            if findings.has_namespace(one.namespace()).await {
                one.inspect(&mut findings).await;
            }
        }
        Ok(findings.into_report(version))
    }
}

impl fmt::Debug for Preflight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Preflight").finish_non_exhaustive()
    }
}
