use serde::{Deserialize, Serialize};

use crate::model::Replicas;

/// How users come to meet the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mode {
    /// A router splits the traffic by weight or match.
    Split,
    /// A router sends all traffic to one side or the other.
    Switch,
    /// No router: the replicas of both tracks share the traffic, and their ratio is the weight.
    Ratio(Headroom),
    /// No router and no way to take traffic off but to undo: replicas are replaced batch by batch.
    InPlace(Headroom),
}

/// How far the number of replicas may leave the wanted one while they are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headroom {
    /// How many more there may be.
    pub surge: Replicas,
    /// How many fewer may be ready.
    pub unavailable: Replicas,
}

/// How the candidate becomes stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Promotion {
    /// The stable track takes the candidate's revision, traffic returns to it, and the candidate is retired.
    Copy,
    /// The tracks change roles: the candidate is the stable one from now on, and the old one is retired.
    Swap,
}

impl Mode {
    /// Whether a router takes part.
    pub fn routed(self) -> bool {
        matches!(self, Mode::Split | Mode::Switch)
    }

    /// The headroom, where replicas share the traffic.
    pub fn headroom(self) -> Option<Headroom> {
        match self {
            Mode::Ratio(headroom) | Mode::InPlace(headroom) => Some(headroom),
            Mode::Split | Mode::Switch => None,
        }
    }
}
