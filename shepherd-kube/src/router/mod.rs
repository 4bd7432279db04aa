//! Where traffic goes: one file for each thing that can send it.

mod gateway;
mod ingress;
mod istio;
mod object_router;
mod proportions;
mod rules;

pub use gateway::GatewayRoute;
pub use ingress::IngressCanary;
pub use istio::VirtualService;
