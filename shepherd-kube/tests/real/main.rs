//! The adapters on a real control plane. `just real` runs them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod blue_green;
mod deployment_pair;
mod events;
mod gateway;
mod ground;
mod kube_store;
mod preflight;
