//! The driver on a simulated world, in simulated time: levers, faults, crashes, two drivers at once.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod one_rollout;
mod place;
mod several;
