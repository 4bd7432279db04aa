//! The stores that need nothing but this process: [`MemoryStore`] for tests and for rollouts that may be forgotten,
//! [`FileStore`] for rollouts that outlive it.

mod file;
mod memory;

pub use file::FileStore;
pub use memory::MemoryStore;
