use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Actor, Exposure, GateName, HookName, People, Replicas, Times, Track, human_duration};

/// What a stage does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Action {
    /// Gives a track so many replicas of its own revision, and waits until they are ready.
    Scale {
        /// Which side.
        track: Track,
        /// How many.
        replicas: Replicas,
    },
    /// Lets users meet the candidate, once it has the capacity, and waits until it has taken effect.
    Expose(Exposure),
    /// Waits for so much *observed* time: time in which capacity was there and every guard was definitely clear.
    Bake(#[serde(with = "human_duration")] Duration),
    /// Asks a gate until it passes.
    Check(GateCheck),
    /// Waits for people.
    Approve(Approval),
    /// Sends all users to the candidate in one write.
    Switch,
    /// Makes the candidate's revision the stable one.
    Promote,
    /// Ends a track's replicas, after the requests that they have.
    Retire {
        /// Which side.
        track: Track,
        /// How long its replicas finish what they have.
        #[serde(with = "human_duration")]
        drain: Duration,
    },
    /// Runs something of the user's own.
    Hook(HookName),
}

/// How a gate is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GateCheck {
    /// Which gate.
    pub gate: GateName,
    /// Which side it is asked about.
    pub track: Track,
    /// How long to wait before it is asked again.
    #[serde(with = "human_duration")]
    pub every: Duration,
    /// How many times in a row it must pass; at least once.
    pub passes: Times,
    /// How many times it may fail before the stage fails. Inconclusive and error count neither as pass nor as
    /// failure: the stage's deadline ends them.
    pub failures: Times,
}

/// Whose approval is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Approval {
    /// How many different people must approve; at least one.
    pub needed: People,
    /// Who may; anybody when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Actor>,
}

impl GateCheck {
    /// Asks `gate` about the candidate every 5 s: one pass suffices, and a third failure in all fails the stage.
    pub fn new(gate: GateName) -> Self {
        Self {
            gate,
            track: Track::Candidate,
            every: Duration::from_secs(5),
            passes: Times::new(1),
            failures: Times::new(2),
        }
    }

    /// The same about another side.
    #[must_use]
    pub fn track(mut self, track: Track) -> Self {
        self.track = track;
        self
    }

    /// The same, asked again after this long.
    #[must_use]
    pub fn every(mut self, wait: Duration) -> Self {
        self.every = wait;
        self
    }

    /// The same, needing so many passes in a row.
    #[must_use]
    pub fn passes(mut self, passes: impl Into<Times>) -> Self {
        self.passes = passes.into();
        self
    }

    /// The same, with so many failures forgiven.
    #[must_use]
    pub fn failures(mut self, failures: impl Into<Times>) -> Self {
        self.failures = failures.into();
        self
    }
}

impl Approval {
    /// So many people, whoever they are.
    pub fn of_anybody(needed: impl Into<People>) -> Self {
        Self { needed: needed.into(), by: Vec::new() }
    }

    /// So many of these people.
    pub fn of(needed: impl Into<People>, by: impl IntoIterator<Item = Actor>) -> Self {
        Self { needed: needed.into(), by: by.into_iter().collect() }
    }
}

impl Action {
    /// What it shows to users, when it is a routing stage.
    pub fn exposure(&self) -> Option<Exposure> {
        match self {
            Action::Expose(exposure) => Some(exposure.clone()),
            Action::Switch => Some(Exposure::weight(crate::model::Weight::FULL)),
            _ => None,
        }
    }

    /// Whether it waits for people, who may take as long as they like.
    pub fn asks_people(&self) -> bool {
        matches!(self, Action::Approve(_))
    }

    /// Whether a person may skip it: what only waits or asks. What moves capacity or traffic cannot be skipped.
    pub fn can_be_skipped(&self) -> bool {
        matches!(self, Action::Bake(_) | Action::Check(_) | Action::Approve(_) | Action::Hook(_))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = human_duration::show;
        match self {
            Action::Scale { track, replicas } => write!(f, "{track} to {replicas} ready replicas"),
            Action::Expose(exposure) if exposure.is_off() => write!(f, "all traffic to stable"),
            Action::Expose(exposure) => write!(f, "{exposure} to the candidate"),
            Action::Bake(time) => write!(f, "watch for {}", show(*time)),
            Action::Check(check) => write!(f, "ask gate {} about the {}", check.gate, check.track),
            Action::Approve(approval) if approval.by.is_empty() => {
                write!(f, "wait for {} to approve", approval.needed)
            }
            Action::Approve(approval) => {
                let names: Vec<_> = approval.by.iter().map(Actor::as_str).collect();
                write!(f, "wait for {} of {} to approve", approval.needed, names.join(", "))
            }
            Action::Switch => write!(f, "all traffic to the candidate at once"),
            Action::Promote => write!(f, "make the candidate stable"),
            Action::Retire { track, drain } => {
                write!(f, "end {track}, {} after its last request", show(*drain))
            }
            Action::Hook(hook) => write!(f, "run hook {hook}"),
        }
    }
}
