//! The Gateway API: HTTPRoute and GRPCRoute.

mod matches;
mod route;
mod rules;
mod status;

pub use route::GatewayRoute;
