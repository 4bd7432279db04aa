use std::fmt;

use async_trait::async_trait;
use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use shepherd_core::model::{Fence, Route, RouterCapabilities, Routing};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::backends::Backends;
use crate::Watches;
use crate::object::Object;
use crate::router::object_router::ObjectRouter;
use crate::router::rules::{Chosen, Rules};

const GROUP: &str = "gateway.networking.k8s.io";

/// Routes by the weights of an `HTTPRoute` or a `GRPCRoute`.
///
/// Of the route it changes the weights of the backends of its rules, one rule of its own before each of them while
/// requests are chosen by header or cookie, one mirror filter while requests are copied, and one annotation. Backends
/// that are neither stable nor candidate keep their shares. All of a change is one patch, which fails when anything
/// that it relies on has changed meanwhile.
///
/// A write is in effect when every parent of the route has accepted it and found its backends; until then what a parent
/// says instead is told. One that takes all traffic off is in effect when they have accepted it and looked for the
/// backends: one that is not found holds up no way back.
///
/// A route that somebody deletes in the midst of a rollout sends nobody to the candidate: the rollout is taken back for that,
/// and ends without it. Nothing begins without its route.
///
/// # Cancel safety
/// A call that is dropped has changed all or nothing, and the same call again completes it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use shepherd_kube::router::GatewayRoute;
///
/// let client = kube::Client::try_default().await?;
/// // Stable's Service is `web`, the candidate's `web-candidate`.
/// let router = GatewayRoute::http(client, "shop", "web").backends("web", "web-candidate");
/// # Ok(())
/// # }
/// ```
pub struct GatewayRoute {
    pub(super) router: ObjectRouter<Rules<Backends>>,
}

impl GatewayRoute {
    /// By the `HTTPRoute` of this name. Until told otherwise its backends are `name` and `name-candidate`, and only one
    /// of its rules sends to them.
    pub fn http(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::of("HTTPRoute", client, &namespace.into(), name.into())
    }

    /// By the `GRPCRoute` of this name.
    pub fn grpc(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::of("GRPCRoute", client, &namespace.into(), name.into())
    }

    fn of(kind: &str, client: Client, namespace: &str, name: String) -> Self {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", kind));
        let object = Object::new(client, &kind, namespace, &name);
        let place = object.place().to_owned();
        let dialect = Backends { candidate: format!("{name}-candidate"), stable: name };
        Self { router: ObjectRouter::new(object, Rules { place, chosen: Chosen::default(), dialect }) }
    }

    /// The Services of stable and of the candidate. A rule that has no backend for the candidate gets one, like
    /// stable's, with weight 0, by the claim of a rollout; it stays there.
    #[must_use]
    pub fn backends(mut self, stable: impl Into<String>, candidate: impl Into<String>) -> Self {
        self.router.shape.dialect = Backends { stable: stable.into(), candidate: candidate.into() };
        self
    }

    /// The rules of these names, instead of the only one that sends to stable.
    #[must_use]
    pub fn rules_named<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.router.shape.chosen = Chosen::named(names);
        self
    }

    /// The rules at these places, counted from 0, instead of the only one that sends to stable.
    #[must_use]
    pub fn rules_at(mut self, places: impl IntoIterator<Item = usize>) -> Self {
        self.router.shape.chosen = Chosen::at(places);
        self
    }

    /// Looks by these watches, and reaches the server by their client. See [`Watches`] for what that means.
    #[must_use]
    pub fn watching(mut self, watches: &Watches) -> Self {
        self.router.object.watch(watches);
        self
    }
}

#[async_trait]
impl TrafficRouter for GatewayRoute {
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

impl fmt::Debug for GatewayRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayRoute").field("object", &self.router.object).finish_non_exhaustive()
    }
}
