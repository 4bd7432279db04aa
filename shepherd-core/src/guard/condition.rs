use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::comparison::Comparison;
use super::{GuardError, parse};
use crate::model::{Metric, human_duration};

/// What must not become true. It is made from text, and prints text that reads back as the same condition.
///
/// ```
/// # use shepherd_core::guard::Condition;
/// let condition: Condition = "(error_rate>1% and p99>2000ms)for 10m or ( error_rate > 20% )".parse()?;
/// assert_eq!(condition.to_string(), "(error_rate > 1% and p99 > 2s) for 10m or error_rate > 20%");
/// # Ok::<(), shepherd_core::guard::GuardError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// In the order they are written; the tree names them by their place here.
    pub(super) comparisons: Vec<Comparison>,
    /// How many `for` the tree has.
    pub(super) holds: usize,
    pub(super) root: Term,
}

/// A part of a condition, and how long it must be true.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Term {
    pub(super) node: Node,
    pub(super) hold: Option<Hold>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// The comparison at this place.
    Leaf(usize),
    /// Two or more, none of them itself such a list without a `for`.
    All(Vec<Term>),
    /// Two or more, none of them itself such a list without a `for`.
    Any(Vec<Term>),
}

/// A `for`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hold {
    /// Which of the condition's `for`: where its evaluation is kept.
    pub(super) slot: usize,
    pub(super) needed: Duration,
}

impl Condition {
    /// The metrics that are compared, in the order they are written; one that is compared twice comes twice.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.comparisons.iter().map(|comparison| &comparison.metric)
    }

    /// Whether anything is compared with the stable track.
    pub fn is_relative(&self) -> bool {
        self.comparisons.iter().any(Comparison::is_relative)
    }

    /// How long after it came true it is known to be, when it is looked at on each beat: a beat until the first look,
    /// then whatever must be held, each time up to a look.
    pub(crate) fn fires_within(&self, beat: Duration) -> Duration {
        self.root.held_within(beat).saturating_add(beat)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, term: &Term, within_all: bool) -> fmt::Result {
        let group = match &term.node {
            Node::Leaf(_) => false,
            Node::All(_) => term.hold.is_some(),
            Node::Any(_) => term.hold.is_some() || within_all,
        };
        f.write_str(if group { "(" } else { "" })?;
        match &term.node {
            Node::Leaf(place) => {
                self.comparisons.get(*place).iter().try_for_each(|leaf| write!(f, "{leaf}"))?;
            }
            Node::All(terms) => self.list(f, terms, " and ", true)?,
            Node::Any(terms) => self.list(f, terms, " or ", false)?,
        }
        f.write_str(if group { ")" } else { "" })?;
        term.hold.iter().try_for_each(|hold| write!(f, " for {}", human_duration::show(hold.needed)))
    }

    fn list(&self, f: &mut fmt::Formatter<'_>, terms: &[Term], between: &str, all: bool) -> fmt::Result {
        for (place, term) in terms.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { between })?;
            self.write(f, term, all)?;
        }
        Ok(())
    }
}

impl Term {
    pub(super) fn leaf(place: usize) -> Self {
        Self { node: Node::Leaf(place), hold: None }
    }

    /// All of them; just the one when there is only one.
    pub(super) fn all(terms: Vec<Term>) -> Self {
        Self::joined(terms, Node::All, |node| if let Node::All(inner) = node { Ok(inner) } else { Err(node) })
    }

    /// Any of them; just the one when there is only one.
    pub(super) fn any(terms: Vec<Term>) -> Self {
        Self::joined(terms, Node::Any, |node| if let Node::Any(inner) = node { Ok(inner) } else { Err(node) })
    }

    /// How long it takes from the first look that finds the slowest part of it true to the look that finds it held.
    fn held_within(&self, beat: Duration) -> Duration {
        let parts = match &self.node {
            Node::Leaf(_) => Duration::ZERO,
            Node::All(terms) | Node::Any(terms) => {
                terms.iter().map(|term| term.held_within(beat)).max().unwrap_or_default()
            }
        };
        self.hold.map_or(parts, |hold| parts.saturating_add(hold.needed).saturating_add(beat))
    }

    /// `a and (b and c)` is `a and b and c`, so that a condition has one form only.
    fn joined(
        terms: Vec<Term>,
        list: fn(Vec<Term>) -> Node,
        same: fn(Node) -> Result<Vec<Term>, Node>,
    ) -> Self {
        let mut flat = Vec::with_capacity(terms.len());
        for Term { node, hold } in terms {
            match (hold, same(node)) {
                (None, Ok(inner)) => flat.extend(inner),
                (hold, Ok(inner)) => flat.push(Term { node: list(inner), hold }),
                (hold, Err(node)) => flat.push(Term { node, hold }),
            }
        }
        match flat.pop() {
            Some(only) if flat.is_empty() => only,
            rest => {
                flat.extend(rest);
                Term { node: list(flat), hold: None }
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &self.root, false)
    }
}

impl FromStr for Condition {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        parse::condition(text)
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
