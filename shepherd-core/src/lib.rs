//! Safe rollouts inside your own tooling.

#[cfg(feature = "driver")]
pub mod driver;
pub mod guard;
pub mod machine;
pub mod model;
pub mod plan;
#[cfg(feature = "driver")]
pub mod ports;
#[cfg(feature = "driver")]
pub mod store;
pub mod strategy;
