use async_trait::async_trait;
use shepherd_core::machine::EffectId;
use shepherd_core::ports::Hook;

use crate::conformance::{Opened, Patience};

/// A place of its own that a hook works in, for one promise. Cleans up when dropped.
#[async_trait]
pub trait HookFixture: Send + Sync {
    /// The hook that is tried.
    type Hook: Hook;

    /// A hook that works there; a further one is what another process would run after a crash.
    async fn open(&self) -> Opened<Self::Hook>;

    /// How often the run of this id has taken hold there: 0 before it ran, and never more than 1 if the hook is
    /// idempotent by its id.
    async fn took_hold(&self, id: EffectId) -> Opened<usize>;

    /// Makes every run fail, or work again.
    async fn works(&self, works: bool) -> Opened<()>;

    /// How long a passing failure may last.
    fn patience(&self) -> Patience {
        Patience::default()
    }
}
