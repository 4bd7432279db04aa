//! The programs of `examples/kubernetes`, as their users run them, on a real control plane. Each runs as a service
//! account that has the Role in `examples/kubernetes/roles` and nothing else. `just real` runs them.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod blue_green;
mod displaced;
mod fleet;
mod gateway;
mod images;
mod inputs;
mod interrupts;
mod istio;
mod nginx;
mod program;
mod promotion;
mod ratio;
mod rolling;
mod shop;
mod stalled;
mod whole;
