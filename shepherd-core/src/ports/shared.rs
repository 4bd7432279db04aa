//! Every port behind an `Arc` is that port: one adapter can serve many rollouts, and a `dyn` port can be bound.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{
    CheckContext, Claim, Claimed, Clock, HealthGate, Hook, HookContext, MeasureRequest, MetricsSource,
    Notice, Notifier, PortError, Saved, Store, StoreError, TrafficRouter, Workload,
};
use crate::model::{
    Epoch, Fence, Mark, Measurement, Metric, Now, Route, RouterCapabilities, Routing, Target, Timestamp,
    TrackSpec, Verdict, WorkloadState,
};

#[async_trait]
impl<P: TrafficRouter + ?Sized> TrafficRouter for Arc<P> {
    fn capabilities(&self) -> RouterCapabilities {
        (**self).capabilities()
    }

    fn place(&self) -> Option<String> {
        (**self).place()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        (**self).claim(fence).await
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        (**self).apply(route).await
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        (**self).observe().await
    }
}

#[async_trait]
impl<P: Workload + ?Sized> Workload for Arc<P> {
    fn place(&self) -> Option<String> {
        (**self).place()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        (**self).claim(fence).await
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        (**self).apply(spec, mark).await
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        (**self).observe().await
    }
}

#[async_trait]
impl<P: HealthGate + ?Sized> HealthGate for Arc<P> {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        (**self).check(context).await
    }
}

#[async_trait]
impl<P: MetricsSource + ?Sized> MetricsSource for Arc<P> {
    fn supports(&self, metric: &Metric) -> bool {
        (**self).supports(metric)
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        (**self).measure(request).await
    }
}

#[async_trait]
impl<P: Hook + ?Sized> Hook for Arc<P> {
    async fn run(&self, context: &HookContext) -> Result<(), PortError> {
        (**self).run(context).await
    }
}

#[async_trait]
impl<P: Notifier + ?Sized> Notifier for Arc<P> {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        (**self).notify(notice).await
    }
}

#[async_trait]
impl<P: Clock + ?Sized> Clock for Arc<P> {
    fn now(&self) -> Now {
        (**self).now()
    }

    async fn sleep(&self, duration: Duration) {
        (**self).sleep(duration).await;
    }
}

#[async_trait]
impl<P: Store + ?Sized> Store for Arc<P> {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        (**self).claim(target, claim).await
    }

    async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError> {
        (**self).renew(target, epoch, now).await
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        (**self).save(target, epoch, saved).await
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        (**self).release(target, epoch).await
    }

    async fn close(&self, target: &Target, epoch: Epoch, last: &Saved) -> Result<(), StoreError> {
        (**self).close(target, epoch, last).await
    }

    fn renew_every(&self) -> Duration {
        (**self).renew_every()
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        (**self).load(target).await
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        (**self).list().await
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        (**self).clear(target, epoch).await
    }
}
