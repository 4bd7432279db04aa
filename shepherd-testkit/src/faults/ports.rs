//! A faulty port is every port that the decorated one is.

use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::model::{
    Epoch, Fence, Mark, Measurement, Metric, Route, RouterCapabilities, Routing, Target, Timestamp,
    TrackSpec, Verdict, WorkloadState,
};
use shepherd_core::ports::{
    CheckContext, Claim, Claimed, HealthGate, Hook, HookContext, MeasureRequest, MetricsSource, Notice,
    Notifier, PortError, Saved, Store, StoreError, TrafficRouter, Workload,
};

use super::{Call, Faulty, Garbage};

#[async_trait]
impl<P: TrafficRouter + 'static> TrafficRouter for Faulty<P> {
    fn capabilities(&self) -> RouterCapabilities {
        self.port.capabilities()
    }

    fn place(&self) -> Option<String> {
        self.port.place()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        let fence = fence.clone();
        self.call(Call::ClaimRouting, |port| async move { port.claim(&fence).await }).await
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        let route = route.clone();
        self.call(Call::Route, |port| async move { port.apply(&route).await }).await
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        self.call(Call::ObserveRouting, |port| async move { port.observe().await }).await
    }
}

#[async_trait]
impl<P: Workload + 'static> Workload for Faulty<P> {
    fn place(&self) -> Option<String> {
        self.port.place()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        let fence = fence.clone();
        self.call(Call::ClaimWorkload, |port| async move { port.claim(&fence).await }).await
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let (spec, mark) = (spec.clone(), mark.clone());
        self.call(Call::Deploy, |port| async move { port.apply(&spec, &mark).await }).await
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        self.call(Call::ObserveWorkload, |port| async move { port.observe().await }).await
    }
}

#[async_trait]
impl<P: HealthGate + 'static> HealthGate for Faulty<P> {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        let context = context.clone();
        self.call(Call::Check, |port| async move { port.check(&context).await }).await
    }
}

#[async_trait]
impl<P: MetricsSource + 'static> MetricsSource for Faulty<P> {
    fn supports(&self, metric: &Metric) -> bool {
        self.port.supports(metric)
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        let request = request.clone();
        self.call(Call::Measure, |port| async move { port.measure(&request).await }).await
    }
}

#[async_trait]
impl<P: Hook + 'static> Hook for Faulty<P> {
    async fn run(&self, context: &HookContext) -> Result<(), PortError> {
        let context = context.clone();
        self.call(Call::RunHook, |port| async move { port.run(&context).await }).await
    }
}

#[async_trait]
impl<P: Notifier + 'static> Notifier for Faulty<P> {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        let notice = notice.clone();
        self.call(Call::Notify, |port| async move { port.notify(&notice).await }).await
    }
}

#[async_trait]
impl<P: Store + 'static> Store for Faulty<P> {
    async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError> {
        let (target, claim) = (target.clone(), claim.clone());
        self.call(Call::ClaimTarget, |port| async move { port.claim(&target, &claim).await }).await
    }

    async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError> {
        let target = target.clone();
        self.call(Call::Renew, move |port| async move { port.renew(&target, epoch, now).await }).await
    }

    async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError> {
        let (target, saved) = (target.clone(), saved.clone());
        self.call(Call::Save, move |port| async move { port.save(&target, epoch, &saved).await }).await
    }

    async fn close(&self, target: &Target, epoch: Epoch, last: &Saved) -> Result<(), StoreError> {
        let (target, last) = (target.clone(), last.clone());
        self.call(Call::Close, move |port| async move { port.close(&target, epoch, &last).await }).await
    }

    fn renew_every(&self) -> Duration {
        self.port.renew_every()
    }

    async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        let target = target.clone();
        self.call(Call::Release, move |port| async move { port.release(&target, epoch).await }).await
    }

    async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError> {
        let target = target.clone();
        self.call(Call::Load, |port| async move { port.load(&target).await }).await
    }

    async fn list(&self) -> Result<Vec<Target>, StoreError> {
        self.call(Call::List, |port| async move { port.list().await }).await
    }

    async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError> {
        let target = target.clone();
        self.call(Call::Clear, move |port| async move { port.clear(&target, epoch).await }).await
    }
}

/// What a store answers as garbage is a snapshot that cannot be read, where it answers one.
fn unreadable(saved: Option<Saved>) -> Option<Saved> {
    saved.map(|saved| Saved { snapshot: "\u{0}garbage".to_owned(), ..saved })
}

impl Garbage for Claimed {
    fn garbage(answer: Self) -> Self {
        Claimed { saved: unreadable(answer.saved), ..answer }
    }
}

impl Garbage for Option<(Epoch, Option<Saved>)> {
    fn garbage(answer: Self) -> Self {
        answer.map(|(epoch, saved)| (epoch, unreadable(saved)))
    }
}

impl Garbage for Vec<Target> {
    fn garbage(_: Self) -> Self {
        Vec::new()
    }
}
