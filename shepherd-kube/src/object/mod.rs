//! Changing a few fields of objects that others own.

mod edit;
mod failure;
mod mark;
mod memory;
pub(crate) mod name;
#[allow(clippy::module_inception, reason = "one main type per file, and it has the name of its room")]
mod object;
mod wire;

pub(crate) use edit::{Edit, value};
pub(crate) use failure::{failure, refused, root};
pub(crate) use mark::{MARK, ORIGINALS, STABLE, annotation, mark_at, mark_of, stamp, stamp_at};
pub(crate) use object::{Created, MANAGER, Object};
