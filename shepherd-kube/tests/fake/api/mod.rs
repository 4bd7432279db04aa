//! As much of an API server as the adapters ask for, in memory.

mod patch;
mod server;
mod store;
mod watching;

pub(crate) use server::{Api, Seen};
pub(crate) use store::Objects;
