use serde::{Deserialize, Serialize};

use super::{Answer, Command, EffectId};
use crate::model::{Actor, Failure};

/// What a machine is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Input {
    /// Time has passed.
    Tick,
    /// An effect was done. Ignored when the effect was withdrawn.
    Answered {
        /// Which effect.
        effect: EffectId,
        /// What the outside said.
        answer: Answer,
    },
    /// An effect was not done, after whatever retries the driver makes. Ignored when the effect was withdrawn.
    Failed {
        /// Which effect.
        effect: EffectId,
        /// Why.
        failure: Failure,
    },
    /// A person pulled a lever.
    Commanded {
        /// Who.
        by: Actor,
        /// Which.
        command: Command,
    },
}
