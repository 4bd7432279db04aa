//! Ports that answer as told and remember what they were asked: first what was lined up, then as usual. A usual router
//! shows what was applied last, a usual workload is ready at once, a usual gate passes.
//!
//! ```
//! # use shepherd_core::model::{FailureKind, Failure, Fence, Epoch, RolloutId};
//! use shepherd_core::ports::TrafficRouter;
//! use shepherd_testkit::fakes::ScriptedRouter;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let fence = Fence { rollout: RolloutId::new("web#1")?, epoch: Epoch::new(1) };
//! let router = ScriptedRouter::new();
//! router.claims.then(Err(Failure::new(FailureKind::Denied, "router", "no permission")));
//! assert_eq!(router.claim(&fence).await.unwrap_err().kind(), FailureKind::Denied);
//! assert!(router.claim(&fence).await.is_ok());
//! assert_eq!(router.claims.asked().len(), 2);
//! # Ok(())
//! # }
//! ```

mod gate;
mod hook;
mod metrics;
mod notifier;
mod router;
mod script;
mod store;
mod workload;

pub use gate::ScriptedGate;
pub use hook::ScriptedHook;
pub use metrics::ScriptedMetrics;
pub use notifier::ScriptedNotifier;
pub use router::ScriptedRouter;
pub use script::Script;
pub use store::ScriptedStore;
pub use workload::ScriptedWorkload;
