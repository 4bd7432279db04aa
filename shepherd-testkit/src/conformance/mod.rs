//! Suites.
mod broken;
pub mod clock;
mod cut;
pub mod gate;
pub mod hook;
pub mod metrics;
pub mod notifier;
mod patience;
mod promise;
#[cfg(test)]
mod proof;
pub mod router;
pub mod store;
mod suite;
mod words;
pub mod workload;

pub use broken::Broken;
pub use patience::Patience;
pub use suite::keeps;

/// What a fixture answers: what was opened, or why it could not be.
pub type Opened<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
