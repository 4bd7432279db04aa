//! Safe rollouts inside your own tooling.

pub mod guard;
pub mod machine;
pub mod model;
#[cfg(feature = "driver")]
pub mod ports;
