//! A real Kubernetes control plane for tests, with pods that serve. On Linux, with the feature `cluster`.
// Real servers live in real time.
#![allow(clippy::disallowed_methods)]

mod audit;
mod builder;
#[allow(clippy::module_inception)]
mod cluster;
mod crds;
mod credentials;
mod error;
mod gateway;
mod load;
mod namespace;
mod network;
mod nginx;
mod node;
mod place;
mod plane;
mod pods;
mod process;
mod programs;
mod server;
mod stages;
mod wait;

pub use audit::{AuditLog, AuditMark, Write, Writes};
pub use builder::ClusterBuilder;
pub use cluster::Cluster;
pub use crds::CustomResources;
pub use error::{ClusterError, LogTail};
pub use gateway::Gateway;
pub use load::{Connections, Failed, Load, RunningLoad, Tally};
pub use namespace::Namespace;
pub use nginx::Nginx;
pub use pods::{Behaviour, PodScript, summary};
pub use server::Server;
