//! Safe rollouts inside your own tooling.

pub mod guard;
pub mod machine;
pub mod model;
pub mod plan;
#[cfg(feature = "driver")]
pub mod ports;
pub mod strategy;
