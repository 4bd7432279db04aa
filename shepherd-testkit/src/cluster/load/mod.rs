//! Users who send requests and count every one that fails.

mod builder;
mod connection;
mod running;
mod tally;

pub use builder::{Connections, Load};
pub use running::RunningLoad;
pub use tally::{Failed, Tally};
