//! A real Kubernetes control plane for tests, with pods that serve. On Linux, with the feature `cluster`.
//!
//! ```no_run
//! use shepherd_testkit::cluster::{Behaviour, Cluster, Connections, Load};
//!
//! # async fn example() -> Result<(), shepherd_testkit::cluster::ClusterError> {
//! // etcd, API server, controller manager, scheduler, kube-proxy and nodes, shared by the tests of this binary.
//! let shop = Cluster::shared().await?.namespace("shop").await?;
//! shop.deployment("web", "shop:v1", 3).await?;
//! shop.ready_pods("app=web", 3).await?;
//!
//! // Users, each with a connection that it keeps. Every request that fails is counted.
//! let address = shop.service("web", "web").await?;
//! let users = Load::to(address).connections(Connections::Kept).rate(200.0).start();
//! // Roll out `Behaviour::Crashing.image("shop:v2")`, and look at what becomes of it.
//! let tally = users.stop().await;
//! assert_eq!(tally.failed(), 0, "{tally}");
//! # Ok(())
//! # }
//! ```
//!
//! - [`Cluster`]: the servers; [`Namespace`]: one test's part of it, and users with a Role of their own.
//! - [`Behaviour`] and [`PodScript`]: what pods do, by the image's name or by an annotation.
//! - [`Load`]: users, and a [`Tally`] of what they got.
//! - [`Gateway`]: the Gateway API by Contour and Envoy; [`Nginx`]: Ingresses and their canaries.
//! - [`Registry`]: images that are there, and others that are not.
//! - [`AuditLog`]: who wrote what.
//!
//! Tests run by `just real`: in a network namespace of their own, where pods can have addresses. What that needs, what
//! is real and what is played is in `docs/control-plane.md`.
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
mod registry;
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
pub use registry::Registry;
pub use server::Server;
