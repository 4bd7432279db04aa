use async_trait::async_trait;
use shepherd_core::ports::{CheckContext, HealthGate};

use crate::conformance::{Opened, Patience};

/// Something of its own that is well or ill, for one promise, and gates that ask about it. Cleans up when dropped.
#[async_trait]
pub trait GateFixture: Send + Sync {
    /// The gate that is tried.
    type Gate: HealthGate;

    /// A gate that asks about it.
    async fn open(&self) -> Opened<Self::Gate>;

    /// Makes what is asked about so, and returns when a gate can see it.
    async fn make(&self, health: Health) -> Opened<()>;

    /// What is asked.
    fn question(&self) -> CheckContext;

    /// What users see of what is asked about, in any words that are the same when it is the same.
    async fn seen_by_users(&self) -> Opened<String>;

    /// How long a passing failure may last, and how long an answer may take.
    fn patience(&self) -> Patience {
        Patience::default()
    }
}

/// How what a gate asks about is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It is well.
    Well,
    /// It is not, and says so.
    Ill,
    /// It cannot be asked.
    Unreachable,
}
