use std::fmt;

use async_trait::async_trait;
use kube::Client;
use kube::api::{ApiResource, GroupVersionKind};
use shepherd_core::model::{Fence, Route, RouterCapabilities, Routing};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::rules::{Chosen, Rules};
use crate::object::Object;
use crate::router::object_router::ObjectRouter;

const GROUP: &str = "gateway.networking.k8s.io";

/// Routes by the weights of an `HTTPRoute` or a `GRPCRoute`.
///
/// Of the route it changes the weights of the backends of its rules, one rule of its own before each of them while
/// requests are chosen by header or cookie, one mirror filter while requests are copied, and one annotation. Backends
/// that are neither stable nor candidate keep their shares. All of a change is one patch, which fails when anything
/// that it relies on has changed meanwhile.
///
/// A write is in effect when every parent of the route has accepted it and found its backends.
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
    client: Client,
    kind: ApiResource,
    namespace: String,
    name: String,
    stable: String,
    candidate: String,
    chosen: Chosen,
    router: ObjectRouter<Rules>,
}

impl GatewayRoute {
    /// By the `HTTPRoute` of this name. Until told otherwise its backends are `name` and `name-candidate`, and only one
    /// of its rules sends to them.
    pub fn http(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::of("HTTPRoute", client, namespace.into(), name.into())
    }

    /// By the `GRPCRoute` of this name.
    pub fn grpc(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self::of("GRPCRoute", client, namespace.into(), name.into())
    }

    fn of(kind: &str, client: Client, namespace: String, name: String) -> Self {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1", kind));
        let (stable, candidate, chosen) = (name.clone(), format!("{name}-candidate"), Chosen::Only);
        let router = bound(&client, &kind, (&namespace, &name), (&stable, &candidate), &chosen);
        Self { client, kind, namespace, name, stable, candidate, chosen, router }
    }

    /// The Services of stable and of the candidate. A rule that has no backend for the candidate gets one, like
    /// stable's, with the first weight.
    #[must_use]
    pub fn backends(mut self, stable: impl Into<String>, candidate: impl Into<String>) -> Self {
        (self.stable, self.candidate) = (stable.into(), candidate.into());
        self.rebound()
    }

    /// The rules of these names, instead of the only one that sends to stable.
    #[must_use]
    pub fn rules_named<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.chosen = Chosen::Named(names.into_iter().map(Into::into).collect());
        self.rebound()
    }

    /// The rules at these places, counted from 0, instead of the only one that sends to stable.
    #[must_use]
    pub fn rules_at(mut self, places: impl IntoIterator<Item = usize>) -> Self {
        self.chosen = Chosen::At(places.into_iter().collect());
        self.rebound()
    }

    fn rebound(mut self) -> Self {
        let (object, backends) = ((&*self.namespace, &*self.name), (&*self.stable, &*self.candidate));
        self.router = bound(&self.client, &self.kind, object, backends, &self.chosen);
        self
    }
}

fn bound(
    client: &Client,
    kind: &ApiResource,
    (namespace, name): (&str, &str),
    (stable, candidate): (&str, &str),
    chosen: &Chosen,
) -> ObjectRouter<Rules> {
    let object = Object::new(client.clone(), kind, namespace, name);
    let (place, chosen) = (object.place().to_owned(), chosen.clone());
    let rules = Rules { place, stable: stable.to_owned(), candidate: candidate.to_owned(), chosen };
    ObjectRouter::new(object, rules)
}

#[async_trait]
impl TrafficRouter for GatewayRoute {
    fn capabilities(&self) -> RouterCapabilities {
        self.router.capabilities()
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
        f.debug_struct("GatewayRoute")
            .field("kind", &self.kind.kind)
            .field("namespace", &self.namespace)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
