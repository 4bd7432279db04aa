//! The proxy as a router of Shepherd: exposure and mark in one write.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shepherd_core::model::{
    Exposure, Fence, Mark, Match, Route, RouterCapabilities, Routing, Track, Traffic, admit,
};
use shepherd_core::ports::{PortError, TrafficRouter};

use crate::ground::switchboard::{self, Policy, Split, Switchboard};
use crate::kept::{Kept, KeptError};
use crate::roles::Roles;
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
    /// Earlier releases never exchanged them.
    #[serde(default)]
    roles: Roles,
}

impl Routed {
    fn policy(&self) -> Result<Policy, PortError> {
        let Exposure { weight, matches, mirror, .. } = &self.exposure;
        let matches = matches.iter().map(wanted).collect::<Result<_, _>>()?;
        let to = self.roles.side(Track::Candidate);
        Ok(Policy::Split(Split {
            to,
            weight: weight.as_hundredths(),
            matches,
            mirror: mirror.as_hundredths(),
        }))
    }

    /// What a claim makes of it: the side that serves is stable as soon as another rollout comes.
    fn claimed(&self, fence: &Fence) -> Result<Self, PortError> {
        let stored = self.mark.as_ref();
        let mark = Some(Mark::claimed(stored, fence)?);
        Ok(if fence.begins(stored) && self.exposure.is_all() {
            Self { exposure: Exposure::OFF, mark, roles: self.roles.exchanged() }
        } else {
            Self { mark, ..self.clone() }
        })
    }
}

impl Router {
    /// Puts the proxy back to what its file says, as a proxy does when it starts.
    pub(crate) fn open(
        directory: Option<&Path>,
        switchboard: Arc<Switchboard>,
        stopwatch: Arc<Stopwatch>,
    ) -> Result<Self, RouterError> {
        let kept = Kept::open(directory.map(|path| path.join("routing.json")), Routed::default())?;
        switchboard.set_policy(kept.get().policy()?);
        Ok(Self(Arc::new(Shared { switchboard, kept, stopwatch })))
    }

    /// Which side is stable, as the last claim of a rollout found it.
    pub(crate) fn roles(&self) -> Roles {
        self.0.kept.get().roles
    }

    fn put_into_effect(&self, routed: &Routed) {
        // What was decided can be done.
        if let Ok(policy) = routed.policy() {
            self.0.switchboard.set_policy(policy);
        }
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
        RouterCapabilities::weighted().with_matches().with_mirror().with_swaps()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.0.kept.change(|routed| routed.claimed(fence), |routed| self.put_into_effect(routed))
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        let decide = |routed: &Routed| {
            let Route { exposure, mark } = admit(routed.mark.as_ref(), &routed.exposure, route)?;
            let new = Routed { exposure, mark: Some(mark), roles: routed.roles };
            new.policy().map(|_| new)
        };
        let effect = |routed: &Routed| {
            self.put_into_effect(routed);
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
        let Routed { exposure, mark, .. } = self.0.kept.get();
        // The switchboard follows within the same lock: every later pick goes by it.
        Ok(Routing { exposure, mark, in_effect: true, awaits: None })
    }
}

fn wanted(one: &Match) -> Result<switchboard::Match, PortError> {
    match one.clone() {
        Match::Header { name, value } => Ok(switchboard::Match::Header { name, value }),
        Match::Cookie { name, value } => Ok(switchboard::Match::Cookie { name, value }),
        other => Err(PortError::unsupported(BACKEND, format!("it cannot choose requests by {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_earlier_release_is_read() {
        let routed: Routed =
            serde_json::from_str(r#"{"exposure": {"weight": "100%"}, "mark": null}"#).unwrap();
        assert_eq!((routed.exposure.is_all(), routed.roles), (true, Roles::default()));
    }
}
