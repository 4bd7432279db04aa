//! Mocks of every port, for tests that state what must be called. They come from `mockall`; see there for how
//! expectations are written.
//!
//! ```
//! use shepherd_core::model::RouterCapabilities;
//! use shepherd_core::ports::TrafficRouter;
//! use shepherd_testkit::mocks::MockRouter;
//!
//! let mut router = MockRouter::new();
//! router.expect_capabilities().times(1).return_const(RouterCapabilities::switching());
//! assert!(router.capabilities().fenced);
//! ```
#![allow(missing_docs, reason = "mockall writes the methods, and their names say what they are")]
#![allow(clippy::pedantic, reason = "mockall writes them")]

use std::time::Duration;

use async_trait::async_trait;
use mockall::mock;
use shepherd_core::model::{
    Epoch, Fence, Mark, Measurement, Metric, Now, Route, RouterCapabilities, Routing, Target, Timestamp,
    TrackSpec, Verdict, WorkloadState,
};
use shepherd_core::ports::{
    CheckContext, Claim, Claimed, Clock, HealthGate, Hook, HookContext, MeasureRequest, MetricsSource,
    Notice, Notifier, PortError, Saved, Store, StoreError, TrafficRouter, Workload,
};

mock! {
    /// A [`TrafficRouter`].
    #[derive(Debug)]
    pub Router {}

    #[async_trait]
    impl TrafficRouter for Router {
        fn capabilities(&self) -> RouterCapabilities;
        async fn claim(&self, fence: &Fence) -> Result<(), PortError>;
        async fn apply(&self, route: &Route) -> Result<(), PortError>;
        async fn observe(&self) -> Result<Routing, PortError>;
    }
}

mock! {
    /// A [`Workload`].
    #[derive(Debug)]
    pub Workload {}

    #[async_trait]
    impl Workload for Workload {
        async fn claim(&self, fence: &Fence) -> Result<(), PortError>;
        async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError>;
        async fn observe(&self) -> Result<WorkloadState, PortError>;
    }
}

mock! {
    /// A [`HealthGate`].
    #[derive(Debug)]
    pub Gate {}

    #[async_trait]
    impl HealthGate for Gate {
        async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError>;
    }
}

mock! {
    /// A [`MetricsSource`].
    #[derive(Debug)]
    pub Metrics {}

    #[async_trait]
    impl MetricsSource for Metrics {
        fn supports(&self, metric: &Metric) -> bool;
        async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError>;
    }
}

mock! {
    /// A [`Hook`].
    #[derive(Debug)]
    pub Hook {}

    #[async_trait]
    impl Hook for Hook {
        async fn run(&self, context: &HookContext) -> Result<(), PortError>;
    }
}

mock! {
    /// A [`Notifier`].
    #[derive(Debug)]
    pub Notifier {}

    #[async_trait]
    impl Notifier for Notifier {
        async fn notify(&self, notice: &Notice) -> Result<(), PortError>;
    }
}

mock! {
    /// A [`Clock`].
    #[derive(Debug)]
    pub Clock {}

    #[async_trait]
    impl Clock for Clock {
        fn now(&self) -> Now;
        async fn sleep(&self, duration: Duration);
    }
}

mock! {
    /// A [`Store`].
    #[derive(Debug)]
    pub Store {}

    #[async_trait]
    impl Store for Store {
        async fn claim(&self, target: &Target, claim: &Claim) -> Result<Claimed, StoreError>;
        async fn renew(&self, target: &Target, epoch: Epoch, now: Timestamp) -> Result<(), StoreError>;
        async fn save(&self, target: &Target, epoch: Epoch, saved: &Saved) -> Result<(), StoreError>;
        async fn release(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError>;
        async fn load(&self, target: &Target) -> Result<Option<(Epoch, Option<Saved>)>, StoreError>;
        async fn list(&self) -> Result<Vec<Target>, StoreError>;
        async fn clear(&self, target: &Target, epoch: Epoch) -> Result<(), StoreError>;
    }
}
