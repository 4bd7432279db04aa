//! The driver among adapters that hang, fail, panic and lie down, and people who pull at it from all sides.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;
mod effects;
mod store;
