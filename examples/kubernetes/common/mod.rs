//! What the programs share: what is asked of them, the way to the cluster, and a rollout from its start to its end.

mod asked;
mod cluster;
mod drive;
#[allow(dead_code, reason = "not on every ground has each track a Service of its own")]
pub(crate) mod guarded;
#[path = "../../rollout/interrupts.rs"]
mod interrupts;
mod logins;
#[allow(dead_code, reason = "not every workload is a pair whose tracks have a Service each")]
pub(crate) mod paired;
mod patch_file;
pub(crate) mod say;
mod session;
mod trouble;
pub(crate) mod values;

pub(crate) use asked::{AFTER, Asked};
pub(crate) use cluster::Cluster;
pub(crate) use trouble::{Trouble, exit};
