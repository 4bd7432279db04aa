//! The proxy as a router of Shepherd: exposure and mark in one write.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shepherd_core::model::{
    Exposure, Fence, Mark, Match, Route, RouterCapabilities, Routing, Traffic, admit,
};
use shepherd_core::ports::{PortError, TrafficRouter};

use crate::ground::switchboard::{self, Policy, Split, Switchboard};
use crate::kept::{Kept, KeptError};
use crate::stopwatch::Stopwatch;

const BACKEND: &str = "proxy";

/// Clones route the same proxy.
#[derive(Clone)]
pub(crate) struct Router(Arc<Shared>);

struct Shared {
    switchboard: Arc<Switchboard>,
    kept: Kept<Routed>,
    stopwatch: Arc<Stopwatch>,
}

/// What the proxy's configuration file says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Routed {
    exposure: Exposure,
    mark: Option<Mark>,
}

impl Router {
    /// Puts the proxy back to what its file says, as a proxy does when it starts.
    pub(crate) fn open(
        directory: Option<&Path>,
        switchboard: Arc<Switchboard>,
        stopwatch: Arc<Stopwatch>,
    ) -> Result<Self, RouterError> {
        let kept = Kept::open(directory.map(|path| path.join("routing.json")), Routed::default())?;
        switchboard.set_policy(policy(&kept.get().exposure)?);
        Ok(Self(Arc::new(Shared { switchboard, kept, stopwatch })))
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum RouterError {
    #[error(transparent)]
    Kept(#[from] KeptError),
    #[error(transparent)]
    Policy(#[from] PortError),
}

#[async_trait]
impl TrafficRouter for Router {
    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::weighted().with_matches().with_mirror()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        let claim = |routed: &Routed| {
            let mark = Mark::claimed(routed.mark.as_ref(), fence)?;
            Ok(Routed { mark: Some(mark), ..routed.clone() })
        };
        self.0.kept.change(claim, |_| {})
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        let policy_of = |routed: &Routed| policy(&routed.exposure);
        let decide = |routed: &Routed| {
            let Route { exposure, mark } = admit(routed.mark.as_ref(), &routed.exposure, route)?;
            let new = Routed { exposure, mark: Some(mark) };
            policy_of(&new).map(|_| new)
        };
        let effect = |routed: &Routed| {
            if let Ok(policy) = policy_of(routed) {
                self.0.switchboard.set_policy(policy);
            }
            if routed.exposure.is_off() && route.mark.traffic == Traffic::Off {
                self.0.stopwatch.taken_off();
            }
        };
        // Users are taken off before a file says so: a full disk keeps nobody on a bad version.
        match route.mark.traffic {
            Traffic::Off => self.0.kept.change_at_once(decide, effect),
            Traffic::On => self.0.kept.change(decide, effect),
        }
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        let Routed { exposure, mark } = self.0.kept.get();
        // The switchboard follows within the same lock: every later pick goes by it.
        Ok(Routing { exposure, mark, in_effect: true })
    }
}

fn policy(exposure: &Exposure) -> Result<Policy, PortError> {
    let Exposure { weight, matches, mirror, .. } = exposure;
    let matches = matches.iter().map(wanted).collect::<Result<_, _>>()?;
    Ok(Policy::Split(Split { weight: weight.as_hundredths(), matches, mirror: mirror.as_hundredths() }))
}

fn wanted(one: &Match) -> Result<switchboard::Match, PortError> {
    match one.clone() {
        Match::Header { name, value } => Ok(switchboard::Match::Header { name, value }),
        Match::Cookie { name, value } => Ok(switchboard::Match::Cookie { name, value }),
        other => Err(PortError::unsupported(BACKEND, format!("it cannot choose requests by {other}"))),
    }
}
