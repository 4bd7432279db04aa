//! Simulated time and services, mocks, faults and conformance suites for Shepherd.

mod clock;
pub mod world;

pub use clock::{DAWN, SimClock};
