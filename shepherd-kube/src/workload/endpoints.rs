//! What stands behind a Service.

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// The endpoints of all slices. Versions of the API disagree on whether a slice may have none.
#[allow(clippy::useless_conversion, reason = "in some versions it is one, in some it is none")]
pub(crate) fn endpoints(slices: Vec<EndpointSlice>) -> Vec<Endpoint> {
    let of = |slice: EndpointSlice| Option::<Vec<Endpoint>>::from(slice.endpoints).unwrap_or_default();
    slices.into_iter().flat_map(of).collect()
}

/// The label by which slices say whose they are.
pub(crate) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The label of the slices of a Service.
pub(crate) fn slices_of(service: &str) -> String {
    format!("{SERVICE_NAME}={service}")
}

/// The pod that an endpoint leads to.
pub(crate) fn pod(endpoint: &Endpoint) -> Option<&str> {
    let target = endpoint.target_ref.as_ref().filter(|target| target.kind.as_deref() == Some("Pod"))?;
    target.name.as_deref()
}
