use async_trait::async_trait;
use shepherd_core::model::{Exposure, Fence, Route, RouterCapabilities, Routing};
use shepherd_core::ports::{PortError, TrafficRouter};

use super::Script;

/// A [`TrafficRouter`] that answers as told. It fences nothing, whatever it says that it can.
#[derive(Debug, Clone)]
pub struct ScriptedRouter {
    capabilities: RouterCapabilities,
    /// The claims.
    pub claims: Script<Fence, ()>,
    /// The writes.
    pub routes: Script<Route, ()>,
    /// The looks; usually at what was applied last.
    pub looks: Script<(), Routing>,
}

impl ScriptedRouter {
    /// One that can do everything.
    pub fn new() -> Self {
        Self::that_can(RouterCapabilities::weighted().with_matches().with_mirror())
    }

    /// One that says that it can do this.
    pub fn that_can(capabilities: RouterCapabilities) -> Self {
        Self { capabilities, claims: Script::default(), routes: Script::default(), looks: Script::default() }
    }

    fn last(&self) -> Routing {
        let last = self.routes.asked().pop();
        let (exposure, mark) = last.map_or((Exposure::OFF, None), |route| (route.exposure, Some(route.mark)));
        Routing { exposure, mark, in_effect: true, awaits: None }
    }
}

impl Default for ScriptedRouter {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl TrafficRouter for ScriptedRouter {
    fn capabilities(&self) -> RouterCapabilities {
        self.capabilities
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        Ok(self.claims.answer(fence.clone(), || ())?)
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        Ok(self.routes.answer(route.clone(), || ())?)
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        Ok(self.looks.answer((), || self.last())?)
    }
}
