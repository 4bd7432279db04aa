//! The control plane of the testkit, tried by hand and by machine: `just real`.
#![allow(missing_docs, clippy::disallowed_methods)]

mod access;
mod behaviours;
mod gateway;
mod plane;
mod serving;
