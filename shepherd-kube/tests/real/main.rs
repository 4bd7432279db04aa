//! The adapters on a real control plane. `just real` runs them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod abort;
mod blue_green;
mod broken;
mod deployment_pair;
mod edits;
mod events;
mod fleet;
mod gateway;
mod ground;
mod in_place;
mod ingress;
mod istio;
mod killed;
mod killed_taken_back;
mod kube_store;
mod preflight;
mod process;
mod promotion;
mod shop;
mod soak;
mod way_back;
