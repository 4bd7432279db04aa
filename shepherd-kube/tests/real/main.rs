//! The adapters on a real control plane. `just real` runs them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod deployment_pair;
mod events;
mod ground;
mod in_place;
mod kube_store;
