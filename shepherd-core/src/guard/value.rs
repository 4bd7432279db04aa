use std::fmt;

use serde::{Deserialize, Serialize};

use super::Blindness;
use super::comparison::{Comparison, Operator};
use super::quantity::measured;
use crate::model::{Histogram, Metric, Quantile, Requests, Sample, SampleError, Unit};

/// What a metric was, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Value {
    number: f64,
    /// It was above `number`, nobody knows how far: a histogram does not tell what is beyond its last edge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    beyond: bool,
}

/// Why a sample has no value to judge by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trouble {
    NoData,
    Unusable(SampleError),
    OtherKind,
    Impossible(f64),
    TooFew { had: f64, needed: Requests },
}

impl Value {
    /// What `sample` says for `comparison`.
    pub(super) fn of(sample: &Sample, comparison: &Comparison, needed: Requests) -> Result<Self, Trouble> {
        sample.check().map_err(Trouble::Unusable)?;
        let value = match (sample, &comparison.metric) {
            (Sample::NoData, _) => Err(Trouble::NoData),
            (Sample::Number(number), metric) if metric.unit() != Unit::Share => Ok(Self::exactly(*number)),
            (Sample::Share { part, whole }, Metric::HealthCheckFailures) => {
                share(*part, *whole, Requests::ZERO)
            }
            (Sample::Share { part, whole }, Metric::Query(_) | Metric::ErrorRate | Metric::Availability) => {
                share(*part, *whole, needed)
            }
            (Sample::Histogram(histogram), Metric::Latency(quantile)) => at(*quantile, histogram, needed),
            _ => Err(Trouble::OtherKind),
        }?;
        if value.is_possible(comparison.unit()) { Ok(value) } else { Err(Trouble::Impossible(value.number)) }
    }

    fn exactly(number: f64) -> Self {
        Self { number, beyond: false }
    }

    fn is_possible(self, unit: Unit) -> bool {
        match unit {
            // Edges near the end of the numbers may add up to more than a number.
            _ if !self.number.is_finite() => false,
            Unit::Plain => true,
            Unit::Share => (0.0..=1.0).contains(&self.number),
            _ => self.number >= 0.0,
        }
    }

    pub(super) fn fixed(number: f64) -> Self {
        Self::exactly(number)
    }

    pub(super) fn times(self, factor: f64) -> Self {
        Self { number: self.number * factor, ..self }
    }

    /// Whether it compares so; none when it cannot be told.
    pub(super) fn compares(self, operator: Operator, with: Value) -> Option<bool> {
        match operator {
            Operator::Above => self.is_above(with),
            Operator::Below => with.is_above(self),
            Operator::AtLeast => with.is_above(self).map(|below| !below),
            Operator::AtMost => self.is_above(with).map(|above| !above),
        }
    }

    fn is_above(self, with: Value) -> Option<bool> {
        match (self.beyond, with.beyond) {
            (false, false) => Some(self.number > with.number),
            (true, false) => (self.number >= with.number).then_some(true),
            (false, true) => (self.number <= with.number).then_some(false),
            (true, true) => None,
        }
    }

    /// How near it is to comparing so, 0 to 1, when it does not yet.
    pub(super) fn nearness(self, operator: Operator, with: Value) -> f64 {
        let (part, whole) = match operator {
            Operator::Above | Operator::AtLeast => (self.number, with.number),
            Operator::Below | Operator::AtMost => (with.number, self.number),
        };
        // Whatever the numbers, a condition that is not true is not quite there.
        if whole > 0.0 { (part / whole).clamp(0.0, 0.99) } else { 0.0 }
    }

    pub(super) fn show(self, unit: Unit) -> String {
        let more = if self.beyond { "more than " } else { "" };
        format!("{more}{}", measured(self.number, unit))
    }
}

#[allow(clippy::cast_precision_loss, reason = "nobody asks for 2^53 requests")]
fn enough(had: f64, needed: Requests) -> Result<(), Trouble> {
    match had {
        had if had <= 0.0 => Err(Trouble::NoData),
        had if had < needed.get() as f64 => Err(Trouble::TooFew { had, needed }),
        _ => Ok(()),
    }
}

fn share(part: f64, whole: f64, needed: Requests) -> Result<Value, Trouble> {
    enough(whole, needed).map(|()| Value::exactly(part / whole))
}

fn at(quantile: Quantile, histogram: &Histogram, needed: Requests) -> Result<Value, Trouble> {
    enough(histogram.total(), needed)?;
    let known = histogram.buckets().last().map_or(0.0, |last| last.count);
    let number = histogram.quantile(quantile).unwrap_or(0.0);
    Ok(Value { number, beyond: quantile.as_fraction() * histogram.total() > known })
}

impl Trouble {
    pub(super) fn blindness(&self) -> Blindness {
        match self {
            Trouble::NoData => Blindness::NoData,
            Trouble::Unusable(_) | Trouble::OtherKind | Trouble::Impossible(_) => Blindness::ProviderError,
            Trouble::TooFew { .. } => Blindness::Inconclusive,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::NoData => f.write_str("had no data"),
            Trouble::Unusable(error) => write!(f, "was unusable: {error}"),
            Trouble::OtherKind => f.write_str("was another kind of sample than this metric has"),
            Trouble::Impossible(number) => write!(f, "was {number}, which it cannot be"),
            Trouble::TooFew { had, needed } => write!(f, "was of {had} requests where {needed} are needed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATORS: [Operator; 4] = [Operator::Above, Operator::AtLeast, Operator::Below, Operator::AtMost];

    #[test]
    fn beyond_the_last_edge_only_what_is_certain_is_said() {
        let beyond = Value { number: 5.0, beyond: true };
        let against = |number| OPERATORS.map(|operator| beyond.compares(operator, Value::fixed(number)));
        assert_eq!(against(5.0), [Some(true), Some(true), Some(false), Some(false)]);
        assert_eq!(against(6.0), [None; 4]);
        let below = OPERATORS.map(|operator| Value::fixed(4.0).compares(operator, beyond));
        assert_eq!(below, [Some(false), Some(false), Some(true), Some(true)]);
    }

    #[test]
    fn equal_is_neither_above_nor_below() {
        let one = Value::fixed(1.0);
        assert_eq!(
            OPERATORS.map(|operator| one.compares(operator, one)),
            [Some(false), Some(true), Some(false), Some(true)]
        );
    }
}
