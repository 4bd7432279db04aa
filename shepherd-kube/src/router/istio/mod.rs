//! Istio: `VirtualService`.

mod destinations;
mod matches;
mod mirror;
mod service;

pub use service::VirtualService;
