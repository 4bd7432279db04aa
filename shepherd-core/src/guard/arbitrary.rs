//! Random conditions for properties.

use std::time::Duration;

use proptest::prelude::*;

use super::Condition;
use super::comparison::{Comparison, Operator, Threshold};
use super::condition::{Hold, Node, Term};
use super::quantity::{Decimal, Quantity};
use crate::model::{Metric, Quantile, Unit};

fn decimal() -> impl Strategy<Value = Decimal> {
    (1u64..1000, 0u32..=6, "[0-9]{6}")
        .prop_map(|(whole, digits, part)| Decimal::of(&whole.to_string(), &part[..digits as usize]).unwrap())
}

fn percent() -> impl Strategy<Value = Decimal> {
    (1u32..100, "[0-9]{0,6}").prop_map(|(whole, part)| Decimal::of(&whole.to_string(), &part).unwrap())
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1u64..100_000).prop_map(Duration::from_millis),
        (1u64..2_592_000).prop_map(Duration::from_secs),
        (1u64..2_000_000_000_000_000).prop_map(Duration::from_nanos),
    ]
}

fn metric() -> impl Strategy<Value = Metric> {
    prop_oneof![
        Just(Metric::ErrorRate),
        Just(Metric::Availability),
        Just(Metric::RequestRate),
        Just(Metric::HealthCheckFailures),
        Just(Metric::Restarts),
        Just(Metric::Cpu),
        Just(Metric::Memory),
        (1u32..1000).prop_map(|tenths| Metric::Latency(Quantile::tenths(tenths).unwrap())),
        "[a-z][a-zA-Z0-9_.:-]{0,9}".prop_map(Metric::Query),
    ]
}

fn quantity(metric: &Metric) -> BoxedStrategy<Quantity> {
    let shared = percent().prop_map(Quantity::Share);
    match metric.unit() {
        Unit::Share => shared.boxed(),
        Unit::Seconds => duration().prop_map(Quantity::Latency).boxed(),
        Unit::PerSecond => decimal().prop_map(Quantity::Rate).boxed(),
        Unit::Bytes => (0u64..1_000_000_000_000).prop_map(Quantity::Bytes).boxed(),
        Unit::Plain if matches!(metric, Metric::Query(_)) => {
            prop_oneof![decimal().prop_map(Quantity::Plain), shared].boxed()
        }
        Unit::Plain => decimal().prop_map(Quantity::Plain).boxed(),
    }
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let operator =
        prop::sample::select(vec![Operator::Above, Operator::AtLeast, Operator::Below, Operator::AtMost]);
    metric().prop_flat_map(move |metric| {
        let threshold = prop_oneof![
            3 => quantity(&metric).prop_map(Threshold::Fixed),
            1 => decimal().prop_map(Threshold::Stable),
        ];
        (Just(metric), operator.clone(), threshold).prop_map(|(metric, operator, threshold)| Comparison {
            metric,
            operator,
            threshold,
        })
    })
}

/// A tree whose leaves and holds are not numbered yet.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(Comparison, Option<Duration>),
    All(Vec<Tree>, Option<Duration>),
    Any(Vec<Tree>, Option<Duration>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let hold = || prop::option::of(duration());
    (comparison(), hold()).prop_map(|(leaf, hold)| Tree::Leaf(leaf, hold)).prop_recursive(
        3,
        8,
        3,
        move |inner| {
            let list = || prop::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                (list(), hold()).prop_map(|(trees, hold)| Tree::All(trees, hold)),
                (list(), hold()).prop_map(|(trees, hold)| Tree::Any(trees, hold)),
            ]
        },
    )
}

impl Condition {
    fn plant(&mut self, tree: Tree) -> Term {
        let (mut term, hold) = match tree {
            Tree::Leaf(comparison, hold) => {
                self.comparisons.push(comparison);
                (Term::leaf(self.comparisons.len() - 1), hold)
            }
            Tree::All(trees, hold) => {
                (Term::all(trees.into_iter().map(|tree| self.plant(tree)).collect()), hold)
            }
            Tree::Any(trees, hold) => {
                (Term::any(trees.into_iter().map(|tree| self.plant(tree)).collect()), hold)
            }
        };
        if let Some(needed) = hold {
            term.hold = Some(Hold { slot: self.holds, needed });
            self.holds += 1;
        }
        term
    }
}

pub(super) fn condition() -> impl Strategy<Value = Condition> {
    let planted = tree().prop_map(|tree| {
        let root = Term { node: Node::Leaf(0), hold: None };
        let mut condition = Condition { comparisons: Vec::new(), holds: 0, root };
        condition.root = condition.plant(tree);
        condition
    });
    planted.prop_filter("short enough to be read", |condition| {
        condition.comparisons.len() <= 32 && condition.to_string().len() <= 1024
    })
}
