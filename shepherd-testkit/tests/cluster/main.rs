//! The control plane of the testkit, tried by hand and by machine: `just real`.
#![allow(missing_docs, clippy::disallowed_methods, clippy::unwrap_used, clippy::similar_names)]

mod access;
mod behaviours;
mod gateway;
mod nginx;
mod plane;
mod registry;
mod serving;
