use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::GuardError;
use crate::model::Metric;

/// What must not become true.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {}

impl Condition {
    /// The metrics that are compared, in the order they are written.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        std::iter::empty()
    }

    /// Whether anything is compared with the stable track.
    pub fn is_relative(&self) -> bool {
        todo!()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl FromStr for Condition {
    type Err = GuardError;
    fn from_str(_: &str) -> Result<Self, GuardError> {
        todo!()
    }
}

impl TryFrom<String> for Condition {
    type Error = GuardError;
    fn try_from(text: String) -> Result<Self, GuardError> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> String {
        condition.to_string()
    }
}
