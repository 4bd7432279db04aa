//! Keeping rollouts in the cluster: [`KubeStore`] is what callers see; [`record`] is what a `ConfigMap` holds,
//! [`process_lease`] says that the process lives, [`mine`] is what this process owns.

mod kube_store;
mod mine;
mod process_lease;
mod record;
mod records;

pub use kube_store::KubeStore;

/// Tells what the store keeps from everything else of its namespace.
const LABEL: &str = "shepherd.rs/store";
