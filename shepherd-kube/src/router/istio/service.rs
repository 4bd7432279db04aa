use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use shepherd_core::model::{Fence, Route, RouterCapabilities, Routing};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::destinations::{Destination, Destinations, Protocol};
use crate::Watches;
use crate::object::Object;
use crate::router::object_router::ObjectRouter;
use crate::router::rules::{Chosen, Rules};
use crate::watch::Reach;

const GROUP: &str = "networking.istio.io";
const VERSION: &str = "v1";

/// How long sidecars and gateways may take to hear of a write.
const SETTLE: Duration = Duration::from_secs(2);

/// Routes by the weights of an Istio `VirtualService`.
///
/// Of the object it changes the weights of the destinations of its routes, one http route of its own before each of
/// them while requests are chosen by header or cookie, `mirror` and `mirrorPercentage` while requests are copied, and
/// one annotation. Destinations that are neither stable nor candidate keep their shares. All of a change is one patch,
/// which fails when anything that it relies on has changed meanwhile.
///
/// The two destinations are two Services, or two subsets of one. The `DestinationRule` that names the subsets stays
/// yours. The requests of a subset that it does not name fail: name it before the first rollout, and look by a
/// [preflight](crate::preflight::Preflight).
///
/// Nothing that Istio keeps by default tells when a write is in effect. So it counts as in effect
/// [two seconds later](Self::settle).
///
/// One of two Services that somebody deletes in the midst of a rollout sends nobody to the candidate: the rollout is taken
/// back for that, and ends without it. Subsets of one Service share its users without it: the way back waits for it then.
/// Nothing begins without it.
///
/// # Cancel safety
/// A call that is dropped has changed all or nothing, and the same call again completes it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::router::VirtualService;
///
/// let client = kube::Client::try_default().await?;
/// // Of the Service `web`, whose DestinationRule names the subsets `stable` and `candidate`.
/// let router = VirtualService::http(client, "shop", "web").subsets("web", "stable", "candidate");
/// # Ok(())
/// # }
/// ```
pub struct VirtualService {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) router: ObjectRouter<Rules<Destinations>>,
}

impl VirtualService {
    /// By the http routes of the `VirtualService` of this name. Until told otherwise its destinations are the Services
    /// `name` and `name-candidate`, and only one of its http routes sends to them.
    pub fn http(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::of(Protocol::Http, client, namespace.into(), name.into())
    }

    /// By its tls routes, which have weights only.
    pub fn tls(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::of(Protocol::Tls, client, namespace.into(), name.into())
    }

    /// By its tcp routes, which have weights only. A weight is of connections there, and those that are open stay where
    /// they are.
    pub fn tcp(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::of(Protocol::Tcp, client, namespace.into(), name.into())
    }

    fn of(protocol: Protocol, client: Client, namespace: String, name: String) -> Self {
        let object = object(client, VERSION, &namespace, &name);
        let of = |host: String| Destination { host, subset: None };
        let dialect = Destinations {
            protocol,
            namespace: namespace.clone(),
            stable: of(name.clone()),
            candidate: of(format!("{name}-candidate")),
            settle: SETTLE,
        };
        let rules = Rules { place: object.place().to_owned(), chosen: Chosen::default(), dialect };
        Self { namespace, name, router: ObjectRouter::new(object, rules) }
    }

    /// The Services of stable and of the candidate. A route that has no destination for the candidate gets one, like
    /// stable's, with weight 0, by the claim of a rollout; it stays there. `web` is also `web.shop.svc.cluster.local`,
    /// when `shop` is the namespace.
    #[must_use]
    pub fn services(mut self, stable: impl Into<String>, candidate: impl Into<String>) -> Self {
        let of = |host: String| Destination { host, subset: None };
        let dialect = &mut self.router.shape.dialect;
        (dialect.stable, dialect.candidate) = (of(stable.into()), of(candidate.into()));
        self
    }

    /// The subsets of stable and of the candidate, both of one Service.
    #[must_use]
    pub fn subsets(
        mut self,
        service: impl Into<String>,
        stable: impl Into<String>,
        candidate: impl Into<String>,
    ) -> Self {
        let host = service.into();
        let of = |subset: String| Destination { host: host.clone(), subset: Some(subset) };
        let dialect = &mut self.router.shape.dialect;
        (dialect.stable, dialect.candidate) = (of(stable.into()), of(candidate.into()));
        self
    }

    /// The http routes of these names, instead of the only one that sends to stable. Routes of the other protocols
    /// have no names.
    #[must_use]
    pub fn routes_named<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.router.shape.chosen = Chosen::named(names);
        self
    }

    /// The routes at these places, counted from 0, instead of the only one that sends to stable.
    #[must_use]
    pub fn routes_at(mut self, places: impl IntoIterator<Item = usize>) -> Self {
        self.router.shape.chosen = Chosen::at(places);
        self
    }

    /// How long a write takes at most to reach every sidecar and gateway: two seconds, unless told otherwise. Stages go
    /// on, and what took traffic is ended, only so long after it.
    #[must_use]
    pub fn settle(mut self, settle: Duration) -> Self {
        self.router.shape.dialect.settle = settle;
        self
    }

    /// Asks the server for another version of the API than `v1`, such as `v1beta1` for an Istio before 1.22.
    #[must_use]
    pub fn api_version(mut self, version: &str) -> Self {
        let reach = self.router.object.reach().clone();
        self.router.object = object(reach, version, &self.namespace, &self.name);
        self
    }

    /// Looks by these watches, and reaches the server by their client. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(mut self, watches: &Watches) -> Self {
        self.router.object.watch(watches);
        self
    }
}

fn object(reach: impl Into<Reach>, version: &str, namespace: &str, name: &str) -> Object {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, version, "VirtualService"));
    Object::new(reach, &kind, namespace, name)
}

#[async_trait]
impl TrafficRouter for VirtualService {
    fn capabilities(&self) -> RouterCapabilities {
        self.router.capabilities()
    }

    fn place(&self) -> Option<String> {
        Some(self.router.shape.described())
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.router.claim(fence).await
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        self.router.apply(route).await
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        self.router.observe().await
    }
}

impl fmt::Debug for VirtualService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualService").field("object", &self.router.object).finish_non_exhaustive()
    }
}
