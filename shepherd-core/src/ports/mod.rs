//! The traits behind which the outside world stands. Each is the least that an implementer must write.
//!
//! Every write is absolute ("candidate gets 20%"), so that repeating it does no harm; carries a
//! [`Fence`](crate::model::Fence), so that a superseded driver's write fails; and can be read back. Implementations
//! do not retry: an error says who must act ([`FailureKind`](crate::model::FailureKind)) and the driver does the
//! rest, with a time-out around each call. A call may be dropped at any await; whatever it had already written must
//! stay a state that the same call, made again, completes.

mod clock;
mod error;
mod health_gate;
mod hook;
mod metrics_source;
mod notifier;
mod shared;
mod store;
mod traffic_router;
mod workload;

pub use clock::{Clock, SystemClock};
pub use error::PortError;
pub use health_gate::{CheckContext, HealthGate};
pub use hook::{Hook, HookContext};
pub use metrics_source::{MeasureRequest, MetricsSource};
pub use notifier::{Notice, Notifier};
pub use store::{Claim, Claimed, Owner, Saved, Sequence, Store, StoreError};
pub use traffic_router::TrafficRouter;
pub use workload::Workload;
