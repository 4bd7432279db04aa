use std::fmt;

use crate::workload::twin::Relabel;

/// Which labels the candidate's pods carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Labels {
    /// Others than stable's: whatever selects stable's pods does not see them. For routers that send to a Service of
    /// the candidate's own.
    #[default]
    Isolated,
    /// Stable's, and `shepherd.rs/track: candidate`: whatever selects stable's pods selects them too. For replicas
    /// that share the traffic of one Service, and for the subsets of a mesh.
    Shared,
}

/// In a word. Plans keep these words: they stay as they are.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Labels::Isolated => "isolated",
            Labels::Shared => "shared",
        })
    }
}

impl Labels {
    pub(super) const fn relabel(self) -> Relabel<'static> {
        match self {
            Labels::Isolated => Relabel::Isolated,
            Labels::Shared => Relabel::Shared,
        }
    }
}
