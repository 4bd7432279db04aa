//! Suites that try an adapter against every promise of its port: one function and one test for each promise.
//!
//! Write a fixture, which makes a backend of its own for each test, and call the port's macro. It expands to one
//! `#[test]` for each promise, with a runtime around it, so that a failure reads
//! `router_conformance::a_raise_after_off_is_refused`. Nothing is skipped: a promise that a router cannot keep for want
//! of a capability is tried as its counterpart (a router without matches must refuse one as unsupported).
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use async_trait::async_trait;
//! use shepherd_core::model::{Exposure, Fence, Route, RouterCapabilities, Routing};
//! use shepherd_core::ports::{PortError, TrafficRouter};
//! use shepherd_testkit::conformance::{Opened, router::RouterFixture};
//!
//! /// Routes by a value that a proxy in the same process reads.
//! #[derive(Clone, Default)]
//! struct Switch(Arc<Mutex<Exposure>>);
//!
//! #[async_trait]
//! impl TrafficRouter for Switch {
//!     fn capabilities(&self) -> RouterCapabilities {
//!         RouterCapabilities::switching().unfenced()
//!     }
//!     async fn claim(&self, _fence: &Fence) -> Result<(), PortError> {
//!         Ok(())
//!     }
//!     async fn apply(&self, route: &Route) -> Result<(), PortError> {
//!         if ![Exposure::OFF, Exposure::weight(shepherd_core::model::Weight::FULL)].contains(&route.exposure) {
//!             return Err(PortError::unsupported("switch", "all or nothing"));
//!         }
//!         *self.0.lock().unwrap() = route.exposure.clone();
//!         Ok(())
//!     }
//!     async fn observe(&self) -> Result<Routing, PortError> {
//!         Ok(Routing { exposure: self.0.lock().unwrap().clone(), mark: None, in_effect: true, awaits: None })
//!     }
//! }
//!
//! #[derive(Default)]
//! struct Fixture(Switch);
//!
//! #[async_trait]
//! impl RouterFixture for Fixture {
//!     type Router = Switch;
//!     async fn open(&self) -> Opened<Switch> {
//!         Ok(self.0.clone())
//!     }
//!     async fn bystanders(&self) -> Opened<String> {
//!         Ok(String::new())
//!     }
//! }
//!
//! shepherd_testkit::router_conformance!(Fixture::default);
//! # // Doc tests run no #[test], so all of them are run here by a runner of one's own.
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let broken = shepherd_testkit::conformance::router::broken(Fixture::default).await;
//! # assert!(broken.is_empty(), "{broken:?}");
//! # }
//! ```
//!
//! | port | fixture | macro |
//! |---|---|---|
//! | `TrafficRouter` | [`router::RouterFixture`] | [`router_conformance!`](crate::router_conformance) |
//! | `Workload` | [`workload::WorkloadFixture`] | [`workload_conformance!`](crate::workload_conformance) |
//! | both together, where the router swaps | [`roles::RolesFixture`] | [`roles_conformance!`](crate::roles_conformance) |
//! | `HealthGate` | [`gate::GateFixture`] | [`gate_conformance!`](crate::gate_conformance) |
//! | `MetricsSource` | [`metrics::MetricsFixture`] | [`metrics_conformance!`](crate::metrics_conformance) |
//! | `Store` | [`store::StoreFixture`] | [`store_conformance!`](crate::store_conformance) |
//! | `Clock` | [`clock::ClockFixture`] | [`clock_conformance!`](crate::clock_conformance) |
//! | `Notifier` | [`notifier::NotifierFixture`] | [`notifier_conformance!`](crate::notifier_conformance) |
//! | `Hook` | [`hook::HookFixture`] | [`hook_conformance!`](crate::hook_conformance) |
//!
//! For a runner of your own each promise is a plain function that answers [`Broken`], and `broken` of each module runs
//! them all. Suites call as the driver does: a passing failure (transient, conflict) is tried again. What a backend
//! does in its own time is waited for with [`Patience`], so the same suite runs on memory and on a real server.

mod broken;
pub mod clock;
mod cut;
pub mod gate;
pub mod hook;
pub mod metrics;
pub mod notifier;
mod patience;
mod promise;
#[cfg(test)]
mod proof;
pub mod roles;
pub mod router;
pub mod store;
mod suite;
mod words;
pub mod workload;

pub use broken::Broken;
pub use patience::Patience;
pub use suite::keeps;

/// What a fixture answers: what was opened, or why it could not be.
pub type Opened<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
