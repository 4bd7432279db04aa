//! A canary Ingress beside the main one.

mod annotations;
mod canary;
mod grounded;
mod keys;
mod made;
mod matches;
mod pair;
mod paths;

pub use canary::IngressCanary;
