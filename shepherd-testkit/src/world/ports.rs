//! The ports of Shepherd over a shared world.

use async_trait::async_trait;
use shepherd_core::model::{
    Fence, GateName, Mark, Measurement, Metric, Route, RouterCapabilities, Routing, TrackSpec, Verdict,
    WorkloadState,
};
use shepherd_core::ports::{
    CheckContext, HealthGate, MeasureRequest, MetricsSource, PortError, TrafficRouter, Workload,
};

use super::{SharedWorld, World};

/// The router of a simulated world.
#[derive(Clone)]
pub struct WorldRouter(pub(super) SharedWorld);

/// The replicas of a simulated world.
#[derive(Clone)]
pub struct WorldWorkload(pub(super) SharedWorld);

/// The meter of a simulated world.
#[derive(Clone)]
pub struct WorldMetrics(pub(super) SharedWorld);

/// A gate of a simulated world.
#[derive(Clone)]
pub struct WorldGate {
    pub(super) world: SharedWorld,
    pub(super) name: GateName,
}

#[async_trait]
impl TrafficRouter for WorldRouter {
    fn capabilities(&self) -> RouterCapabilities {
        self.0.with(|world, _| world.capabilities()).unwrap_or(RouterCapabilities::switching())
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        Ok(self.0.with(|world, now| world.claim_routing(now, fence))?)
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        Ok(self.0.with(|world, now| world.route(now, route))?)
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        Ok(self.0.with(World::routing)?)
    }
}

#[async_trait]
impl Workload for WorldWorkload {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        Ok(self.0.with(|world, now| world.claim_workload(now, fence))?)
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        Ok(self.0.with(|world, now| world.deploy(now, spec, mark))?)
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        Ok(self.0.with(World::workload))
    }
}

#[async_trait]
impl MetricsSource for WorldMetrics {
    fn supports(&self, metric: &Metric) -> bool {
        !matches!(metric, Metric::Cpu | Metric::Memory | Metric::Query(_))
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        Ok(self.0.with(|world, now| world.measure(now, &request.metrics, request.cursor.as_ref())))
    }
}

#[async_trait]
impl HealthGate for WorldGate {
    async fn check(&self, context: &CheckContext) -> Result<Verdict, PortError> {
        Ok(self.world.with(|world, now| world.check(now, &self.name, context.track)))
    }
}
