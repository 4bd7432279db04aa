use serde::{Deserialize, Serialize};

/// Something that happened, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event {}
