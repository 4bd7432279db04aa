use serde::{Deserialize, Serialize};

use super::{Blindness, FindingKind};
use crate::model::Elapsed;

/// What a part of a condition is at one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    False,
    /// True, but not for long enough yet.
    Pending,
    /// True since then, for so many milliseconds without a gap.
    True {
        since: Elapsed,
        held: u64,
    },
    /// It may be any of them.
    Unknown(Kinds),
}

/// Some kinds of finding, in one byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Kinds(u8);

impl Truth {
    /// Both at once: one that is false decides, whatever the other may be.
    pub(super) fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::Unknown(a), Truth::Unknown(b)) => Truth::Unknown(a.union(b)),
            (Truth::Unknown(kinds), _) | (_, Truth::Unknown(kinds)) => Truth::Unknown(kinds),
            (Truth::Pending, _) | (_, Truth::Pending) => Truth::Pending,
            (Truth::True { .. }, Truth::True { .. }) => self.longer(other),
        }
    }

    /// One of both: one that is true decides, whatever the other may be.
    pub(super) fn or(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::True { .. }, Truth::True { .. }) => self.longer(other),
            (Truth::True { .. }, _) => self,
            (_, Truth::True { .. }) => other,
            (Truth::Unknown(a), Truth::Unknown(b)) => Truth::Unknown(a.union(b)),
            (Truth::Unknown(kinds), _) | (_, Truth::Unknown(kinds)) => Truth::Unknown(kinds),
            (Truth::Pending, _) | (_, Truth::Pending) => Truth::Pending,
            (Truth::False, Truth::False) => Truth::False,
        }
    }

    /// Of two that are true, the one that says more about when the trouble began.
    fn longer(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::True { held: a, .. }, Truth::True { held: b, .. }) if b > a => other,
            _ => self,
        }
    }
}

impl Kinds {
    pub(super) const NONE: Kinds = Kinds(0);

    pub(super) fn only(kind: FindingKind) -> Self {
        Self(1 << kind as u8)
    }

    pub(super) fn contains(self, kind: FindingKind) -> bool {
        self.0 & Self::only(kind).0 != 0
    }

    #[must_use]
    pub(super) fn union(self, other: Kinds) -> Self {
        Self(self.0 | other.0)
    }
}

impl From<Blindness> for Kinds {
    fn from(blindness: Blindness) -> Self {
        Self::only(blindness.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Truth = Truth::Unknown(Kinds(1));
    const TRUE: Truth = Truth::True { since: Elapsed::ZERO, held: 0 };

    #[test]
    fn what_is_unknown_stays_unknown_unless_the_other_decides() {
        for (other, and, or) in [
            (Truth::False, Truth::False, UNKNOWN),
            (Truth::Pending, UNKNOWN, UNKNOWN),
            (TRUE, UNKNOWN, TRUE),
            (UNKNOWN, UNKNOWN, UNKNOWN),
        ] {
            assert_eq!((UNKNOWN.and(other), UNKNOWN.or(other)), (and, or), "{other:?}");
            assert_eq!((other.and(UNKNOWN), other.or(UNKNOWN)), (and, or), "{other:?}");
        }
    }

    #[test]
    fn pending_stands_between_false_and_true() {
        assert_eq!(Truth::Pending.and(TRUE), Truth::Pending);
        assert_eq!(Truth::Pending.or(Truth::False), Truth::Pending);
        assert_eq!(Truth::Pending.or(TRUE), TRUE);
        assert_eq!(Truth::Pending.and(Truth::False), Truth::False);
    }
}
