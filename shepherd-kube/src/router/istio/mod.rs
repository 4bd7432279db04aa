//! Istio: `VirtualService`.

mod destinations;
mod grounded;
mod matches;
mod mirror;
mod service;

pub use service::VirtualService;
