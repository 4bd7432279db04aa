use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// Which rules send to the service that is rolled out. In whatever order and how often they were named, they are the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Chosen {
    /// The only one that sends to stable.
    #[default]
    Only,
    /// Those of these names.
    Named(Vec<String>),
    /// Those at these places, counted from 0 without those that are ours.
    At(Vec<usize>),
}

impl Chosen {
    pub(crate) fn named<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        Self::Named(names.into_iter().collect())
    }

    pub(crate) fn at(places: impl IntoIterator<Item = usize>) -> Self {
        let places: BTreeSet<usize> = places.into_iter().collect();
        Self::At(places.into_iter().collect())
    }

    /// Whether the rule at this place is one of them.
    pub(super) fn includes(&self, place: usize, rule: &Value, sends_to_stable: bool) -> bool {
        match self {
            Chosen::Only => sends_to_stable,
            Chosen::Named(names) => names.iter().any(|name| rule["name"] == **name),
            Chosen::At(places) => places.contains(&place),
        }
    }

    /// How many there must be.
    pub(super) fn count(&self) -> usize {
        match self {
            Chosen::Only => 1,
            Chosen::Named(names) => names.len(),
            Chosen::At(places) => places.len(),
        }
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chosen::Only => f.write_str("that send to stable"),
            Chosen::Named(names) => write!(f, "named {}", names.join(", ")),
            Chosen::At(places) => write!(f, "at {places:?}"),
        }
    }
}
