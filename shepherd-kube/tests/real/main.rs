//! The adapters on a real control plane. `just real` runs them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod blue_green;
mod canary;
mod deployment_pair;
mod events;
mod gateway;
mod ground;
mod in_place;
mod ingress;
mod istio;
mod kube_store;
mod preflight;
mod promotion;
