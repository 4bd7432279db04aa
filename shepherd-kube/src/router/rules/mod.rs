//! Objects that hold a list of rules, each with backends that share its requests by weight: routes of the Gateway API
//! and of Istio.

mod chosen;
mod cookie;
mod dialect;
mod rule;
#[allow(clippy::module_inception, reason = "one main type per file, and it has the name of its room")]
mod rules;

pub(crate) use chosen::Chosen;
pub(crate) use cookie::{cookie_of, pattern_of};
pub(crate) use dialect::{Dialect, Field, Words};
pub(crate) use rules::Rules;
