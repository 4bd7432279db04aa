//! The Gateway API: `HTTPRoute` and `GRPCRoute`.

mod backends;
mod matches;
mod route;
mod status;

pub use route::GatewayRoute;
