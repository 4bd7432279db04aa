//! The Gateway API: `HTTPRoute` and `GRPCRoute`.

mod backends;
mod grounded;
mod matches;
mod route;
mod status;

pub use route::GatewayRoute;
