//! Keeping rollouts in the cluster.
//!
//! [`KubeStore`] is what callers see. Beneath it, `records` reads and writes the `ConfigMap` of a target, and `record`
//! is what stands in it; `process_lease` says that the process lives, and `mine` is what it owns.

mod grounded;
mod kube_store;
mod mine;
mod process_lease;
mod record;
mod records;

pub use kube_store::KubeStore;

/// Tells what the store keeps from everything else of its namespace.
const LABEL: &str = "shepherd.rs/store";
