use std::fmt;

use serde::{Deserialize, Serialize};

use super::Event;
use crate::model::{
    Cursor, Fence, GateName, HookName, Mark, Measurement, Route, Routing, Track, TrackSpec, Traffic, Verdict,
    WorkloadState,
};

/// Names one effect of a rollout; the same after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectId(pub(super) u64);

/// An instruction to the outside, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Stamp the owner on what is routed.
    ClaimRouting(Fence),
    /// Stamp the owner on what is scaled.
    ClaimWorkload(Fence),
    /// Look where traffic goes.
    ObserveRouting,
    /// Look what both tracks are.
    ObserveWorkload,
    /// Measure what the plan's guards ask for, since this cursor.
    Measure {
        /// Since when.
        cursor: Option<Cursor>,
    },
    /// Make users meet the candidate so.
    Route(Route),
    /// Make a track what the spec says.
    Deploy {
        /// What it shall be.
        spec: TrackSpec,
        /// Who says so.
        mark: Mark,
    },
    /// Ask a gate about a side.
    Check {
        /// Which gate.
        gate: GateName,
        /// Which side.
        track: Track,
    },
    /// Run a hook.
    RunHook(HookName),
    /// Tell people.
    Notify(Event),
}

/// What the outside answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// It was done.
    Done,
    /// Where traffic goes.
    Routing(Routing),
    /// What both tracks are.
    Workload(WorkloadState),
    /// What was measured.
    Measured(Measurement),
    /// What the gate said.
    Checked(Verdict),
}

impl Effect {
    /// Whether it brings the candidate forward, and so may begin only when every state is saved that had to be saved at
    /// once. What takes the candidate back, and what only looks, waits for nothing.
    pub fn is_gated(&self) -> bool {
        match self {
            Effect::Route(Route { mark, .. }) | Effect::Deploy { mark, .. } => mark.traffic == Traffic::On,
            Effect::RunHook(_) => true,
            _ => false,
        }
    }

    /// Whether it does something to the outside for a stage, or asks something for one.
    pub(super) fn is_act(&self) -> bool {
        matches!(self, Effect::Route(_) | Effect::Deploy { .. } | Effect::Check { .. } | Effect::RunHook(_))
    }

    /// Whether it only looks.
    pub fn is_observation(&self) -> bool {
        matches!(self, Effect::ObserveRouting | Effect::ObserveWorkload | Effect::Measure { .. })
    }

    /// Whether it is part of the way back: a write that is marked off, be it of routes or, where no router takes
    /// part, of replicas. It waits for no permit and no save.
    pub fn takes_back(&self) -> bool {
        matches!(self, Effect::Route(Route { mark, .. }) | Effect::Deploy { mark, .. } if mark.traffic == Traffic::Off)
    }

    /// Whether it takes users off the candidate by the router. It waits for no permit, no back-off and no save.
    pub fn is_off(&self) -> bool {
        matches!(self, Effect::Route(Route { mark, .. }) if mark.traffic == Traffic::Off)
    }
}

impl EffectId {
    /// The effect of this number, for whoever tries a hook or a notifier outside a rollout.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::ClaimRouting(fence) => write!(f, "claim routing for epoch {}", fence.epoch),
            Effect::ClaimWorkload(fence) => write!(f, "claim workload for epoch {}", fence.epoch),
            Effect::ObserveRouting => write!(f, "observe routing"),
            Effect::ObserveWorkload => write!(f, "observe workload"),
            Effect::Measure { .. } => write!(f, "measure"),
            Effect::Route(route) => write!(f, "route {} to the candidate", route.exposure),
            Effect::Deploy { spec, .. } => {
                write!(f, "{} replicas of {} on {}", spec.replicas, spec.revision, spec.track)
            }
            Effect::Check { gate, track } => write!(f, "ask {gate} about {track}"),
            Effect::RunHook(hook) => write!(f, "run hook {hook}"),
            Effect::Notify(event) => write!(f, "tell: {}", event.what),
        }
    }
}
