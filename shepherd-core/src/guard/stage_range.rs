use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::StageName;

/// The stages during which a guard watches, both ends included. The default is all of them.
///
/// ```
/// # use shepherd_core::guard::StageRange;
/// # use shepherd_core::model::StageName;
/// let range = StageRange::from(StageName::new("expose-10%")?);
/// assert_eq!(range.to_string(), "from expose-10%");
/// assert_eq!(StageRange::ALL.to_string(), "all stages");
/// # Ok::<(), shepherd_core::model::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRange {
    /// The first stage; none for the plan's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<StageName>,
    /// The last stage; none for the one that promotes. No guard watches over the clean-up behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<StageName>,
}

impl StageRange {
    /// Every stage.
    pub const ALL: StageRange = StageRange { from: None, to: None };

    /// From this stage to the one that promotes.
    pub fn from(first: StageName) -> Self {
        Self { from: Some(first), to: None }
    }

    /// From the plan's first stage to this one.
    pub fn to(last: StageName) -> Self {
        Self { from: None, to: Some(last) }
    }

    /// From one stage to another.
    pub fn between(first: StageName, last: StageName) -> Self {
        Self { from: Some(first), to: Some(last) }
    }

    /// Whether it is every stage.
    pub fn is_all(&self) -> bool {
        *self == StageRange::ALL
    }
}

impl fmt::Display for StageRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.from, &self.to) {
            (None, None) => f.pad("all stages"),
            (Some(from), None) => write!(f, "from {from}"),
            (None, Some(to)) => write!(f, "up to {to}"),
            (Some(from), Some(to)) if from == to => write!(f, "during {from}"),
            (Some(from), Some(to)) => write!(f, "from {from} to {to}"),
        }
    }
}
