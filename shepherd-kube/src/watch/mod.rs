//! Looking by watches: one list and one watch for each kind of object in a namespace, for all rollouts of a process.
//!
//! What a watch keeps is served only where a look at the server itself could have told the same; [`Watches`] says when
//! that is. kube's own `watcher` is not enough for that: it hides when the server ended a watch and what its bookmarks
//! say, which are the signs that a quiet watch lives and how far it has come.

mod age;
mod follower;
mod kept;
mod objects;
mod reach;
mod state;
mod version;
mod watches;

pub(crate) use age::Age;
pub(crate) use reach::{Reach, Seen};
pub(crate) use version::Version;
pub use watches::Watches;
