use super::Ports;
use crate::model::Target;
use crate::ports::Claimed;

/// A target that was claimed and is not driven yet. Dropped, it is free again for whoever comes next.
pub(super) struct Held {
    pub(super) claimed: Claimed,
    target: Target,
    ports: Ports,
    kept: bool,
}

impl Held {
    pub(super) fn new(claimed: Claimed, target: Target, ports: Ports) -> Self {
        Self { claimed, target, ports, kept: false }
    }

    /// It is driven from now on: its task releases it.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }

    /// Nothing was begun: whoever comes next need not wait. The lease frees it if this fails.
    pub(super) async fn release(mut self) {
        self.kept = true;
        let releasing = self.ports.store.release(&self.target, self.claimed.epoch);
        let _ = self.ports.within("release the target", releasing).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.kept {
            let (ports, target, epoch) = (self.ports.clone(), self.target.clone(), self.claimed.epoch);
            // The lease frees it if this fails too.
            runtime.spawn(async move {
                ports.within("release the target", ports.store.release(&target, epoch)).await
            });
        }
    }
}
