//! The ground on which the rollout stands: servers, a pool of them, a proxy in front and a load.
//!
//! All of it is real HTTP on loopback and none of it knows Shepherd. The ports are glued on in the
//! sibling modules, just as they would be onto a service that was there before.

pub(crate) mod backend;
pub(crate) mod behaviour;
pub(crate) mod client;
pub(crate) mod converge;
pub(crate) mod error;
pub(crate) mod front;
pub(crate) mod keeper;
pub(crate) mod latency;
pub(crate) mod load;
pub(crate) mod metrics;
pub(crate) mod pool;
pub(crate) mod proxy;
pub(crate) mod replica;
pub(crate) mod server;
pub(crate) mod spread;
pub(crate) mod status;
pub(crate) mod switchboard;
pub(crate) mod time;
pub(crate) mod track;

#[cfg(test)]
mod tests;
