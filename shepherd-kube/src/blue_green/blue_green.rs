use kube::Client;

use super::deployments::BlueGreenDeployments;
use super::selector::ServiceSelector;
use super::sides::Sides;
use crate::Watches;
use crate::watch::Reach;

/// A Service in front of two Deployments, blue and green, of which it sends to one. The side that it sends to when a
/// rollout begins is stable for all of that rollout, and the other one the candidate; the next rollout finds out anew.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_core::driver::Rollout;
/// use shepherd_core::strategy::BlueGreen;
/// use shepherd_kube::blue_green::BlueGreenService;
///
/// let client = kube::Client::try_default().await?;
/// // The Service `web` selects `color: blue` or `color: green`; the Deployments are `web-blue` and `web-green`.
/// let web = BlueGreenService::new(client, "shop", "web").preview("web-preview");
/// let rollout = Rollout::of("shop/web".parse()?)
///     .strategy(BlueGreen::new())
///     .through(web.router())
///     .on(web.workload())
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BlueGreenService {
    reach: Reach,
    sides: Sides,
}

impl BlueGreenService {
    /// The Service of this name. Until told otherwise its selector says `color: blue` or `color: green`, and the
    /// Deployments are `name-blue` and `name-green`.
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        let (namespace, service) = (namespace.into(), name.into());
        let deployments = ["blue", "green"].map(|color| format!("{service}-{color}"));
        let (label, values) = ("color".to_owned(), ["blue".to_owned(), "green".to_owned()]);
        let sides = Sides { namespace, service, preview: None, label, values, deployments, container: None };
        Self { reach: client.into(), sides }
    }

    /// The label that tells the pods of the two sides apart, and its value on blue's and on green's.
    #[must_use]
    pub fn label(
        mut self,
        key: impl Into<String>,
        blue: impl Into<String>,
        green: impl Into<String>,
    ) -> Self {
        self.sides.label = key.into();
        self.sides.values = [blue.into(), green.into()];
        self
    }

    /// The Deployments of the two sides. One that does not exist is made after the other one when it is first the
    /// candidate.
    #[must_use]
    pub fn deployments(mut self, blue: impl Into<String>, green: impl Into<String>) -> Self {
        self.sides.deployments = [blue.into(), green.into()];
        self
    }

    /// The container whose image is the revision; needed when there are several.
    #[must_use]
    pub fn container(mut self, name: impl Into<String>) -> Self {
        self.sides.container = Some(name.into());
        self
    }

    /// A Service that always sends to the candidate, for smoke tests. It is switched when a rollout begins, and a
    /// replica of the candidate counts as ready only when it is among its endpoints.
    #[must_use]
    pub fn preview(mut self, service: impl Into<String>) -> Self {
        self.sides.preview = Some(service.into());
        self
    }

    /// Looks by these watches, and reaches the server by their client: the router and the workload that are made from
    /// now on. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(mut self, watches: &Watches) -> Self {
        self.reach = watches.into();
        self
    }

    /// Switches the Service.
    pub fn router(&self) -> ServiceSelector {
        ServiceSelector::new(&self.reach, self.sides.clone())
    }

    /// Runs the two Deployments.
    pub fn workload(&self) -> BlueGreenDeployments {
        BlueGreenDeployments::new(&self.reach, self.sides.clone())
    }
}

impl std::fmt::Debug for BlueGreenService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlueGreenService").field("sides", &self.sides).finish_non_exhaustive()
    }
}
