use std::fmt;

use super::quantity::{Decimal, Quantity};
use crate::model::{Metric, Unit};

/// A metric of the candidate, compared with something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Comparison {
    pub(super) metric: Metric,
    pub(super) operator: Operator,
    pub(super) threshold: Threshold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operator {
    Above,
    AtLeast,
    Below,
    AtMost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Threshold {
    Fixed(Quantity),
    /// So many times what it is on stable.
    Stable(Decimal),
}

impl Comparison {
    pub(super) fn is_relative(&self) -> bool {
        matches!(self.threshold, Threshold::Stable(_))
    }

    /// What its numbers count. A query has no unit of its own: it takes that of the threshold.
    pub(super) fn unit(&self) -> Unit {
        match self.threshold {
            Threshold::Fixed(quantity) => quantity.unit(),
            Threshold::Stable(_) => self.metric.unit(),
        }
    }

    /// The operator and what stands behind it.
    pub(super) fn against(&self) -> String {
        format!("{} {}", self.operator, self.threshold)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.metric, self.operator, self.threshold)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operator::Above => ">",
            Operator::AtLeast => ">=",
            Operator::Below => "<",
            Operator::AtMost => "<=",
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Threshold::Fixed(quantity) => quantity.fmt(f),
            Threshold::Stable(factor) => write!(f, "{factor}x stable"),
        }
    }
}
