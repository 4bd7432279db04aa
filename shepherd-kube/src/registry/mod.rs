//! The registries that images come from.
//!
//! They are asked by the OCI distribution API whether they have an image, before pods are made that cannot pull theirs:
//! [`Registries`] is what [`Preflight::images`](crate::preflight::Preflight::images) takes.
//!
//! Requests go through kube's own HTTP client, a new one each, as there are few. So there is one TLS in the program, that
//! which its cluster is reached by, and no other client's features to get along with. The crate that is made for registries,
//! `oci-client`, would panic on a token that fits into no header, and send credentials by plain HTTP where an answer says so.

mod answer;
mod challenge;
mod credentials;
mod dialogue;
mod image_name;
mod registries;
mod wire;

pub use credentials::Credentials;
pub use registries::Registries;
