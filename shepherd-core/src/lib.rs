//! Safe rollouts inside your own tooling.

pub mod machine;
pub mod model;
#[cfg(feature = "driver")]
pub mod ports;
#[cfg(feature = "driver")]
pub mod store;
