use shepherd_core::model::{Elapsed, Exposure, Fence, Mark, Route, TrackSpec};

/// A write that the world accepted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Write {
    /// When.
    pub at: Elapsed,
    /// What.
    pub what: Written,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Written {
    /// What is routed has this owner.
    RoutingClaimed(Fence),
    /// What is scaled has this owner.
    WorkloadClaimed(Fence),
    /// Where traffic goes.
    Route {
        /// What it was before.
        before: Exposure,
        /// What it is, as admitted.
        route: Route,
    },
    /// What a track is.
    Deploy {
        /// What it shall be.
        spec: TrackSpec,
        /// Who says so.
        mark: Mark,
    },
}

impl Write {
    /// The route, when it is one.
    pub fn route(&self) -> Option<&Route> {
        match &self.what {
            Written::Route { route, .. } => Some(route),
            _ => None,
        }
    }

    /// Whether it shows the candidate to more users.
    pub fn raises(&self) -> bool {
        matches!(&self.what, Written::Route { before, route } if route.exposure.raises(before))
    }
}
