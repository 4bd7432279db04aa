//! Simulated time and services, mocks, faults and conformance suites for Shepherd.
//!
//! A whole canary in a service that exists only in memory, in less than a millisecond:
//!
//! ```
//! use shepherd_core::model::{Replicas, Revision, RouterCapabilities};
//! use shepherd_core::{plan::Change, strategy::{Canary, Strategy}};
//! use shepherd_testkit::{simulation::Simulation, world::{Behaviour, World}};
//!
//! let v2 = Revision::new("shop:v2")?;
//! let change = Change::new("shop/web".parse()?, Revision::new("shop:v1")?, v2.clone())
//!     .replicas(Replicas::new(4))
//!     .router(RouterCapabilities::weighted())
//!     .guard("error_rate > 5% for 30s".parse()?);
//! let plan = Canary::default().plan(&change)?;
//!
//! let well = Simulation::new(plan.clone(), World::of(&plan)).run();
//! assert!(well.promoted() && well.failed() == 0);
//!
//! let bad = World::of(&plan).behaviour(v2, Behaviour::new().error_rate(0.2));
//! let back = Simulation::new(plan, bad).run();
//! assert!(back.rolled_back() && back.violations().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`simulation`]: a machine against a simulated world, with faults, kills and levers.
//! - [`world`]: the simulated service by itself, and the ports over it for an async driver.
//! - [`SimClock`]: the time that they live in.
//! - [`faults`]: any port, going wrong as planned.
//! - [`fakes`]: every port, answering as told. With the feature `mocks`, [`mocks`] in the style of expectations.
//! - With the feature `cluster`, a real Kubernetes control plane, whose pods serve.
//! - [`conformance`]: for each port, a suite with one test for each promise, for adapters of your own.

mod clock;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod conformance;
pub mod fakes;
pub mod faults;
#[cfg(feature = "mocks")]
pub mod mocks;
pub mod simulation;
pub mod world;

pub use clock::{DAWN, SimClock};

/// The pages whose examples are compiled and run as tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../docs/semantics.md")]
    struct Semantics;

    #[doc = include_str!("../../docs/strategies.md")]
    struct Strategies;

    #[doc = include_str!("../../docs/writing-an-adapter.md")]
    struct WritingAnAdapter;

    #[doc = include_str!("../../docs/operating.md")]
    struct Operating;
}
