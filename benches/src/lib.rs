//! What the benchmarks of Shepherd share: plans of any length, an outside that exists only in memory, and a rollout in
//! its steady state. How to run and read them is told in `docs/benchmarks.md`.

mod ground;
mod plans;
mod spread;
mod steady;
mod stopwatch;

pub use ground::Ground;
pub use plans::{Shape, baking, change};
pub use spread::Spread;
pub use steady::Steady;
pub use stopwatch::{Stopwatch, busy, is_test};
