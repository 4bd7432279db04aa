use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The circumstances under which a replica answers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Moment {
    /// Since when the world has replicas of this revision.
    pub age: Duration,
    /// Requests a second that one replica gets.
    pub load: f64,
    /// The same as a part of what it can take; above 1 it is overloaded.
    pub utilization: f64,
}

/// A number that may depend on the moment.
///
/// ```
/// use shepherd_testkit::world::Curve;
/// let steady = Curve::from(0.2);
/// let leaking = Curve::of(|moment| 0.001 * moment.age.as_secs_f64());
/// let strained = Curve::of(|moment| if moment.utilization > 0.8 { 0.3 } else { 0.0 });
/// ```
#[derive(Clone)]
pub struct Curve(Shape);

#[derive(Clone)]
enum Shape {
    Steady(f64),
    Moving(Arc<dyn Fn(Moment) -> f64 + Send + Sync>),
}

impl Curve {
    /// A number that changes. It must depend on nothing but the moment, lest a run cannot be repeated.
    pub fn of(number: impl Fn(Moment) -> f64 + Send + Sync + 'static) -> Self {
        Self(Shape::Moving(Arc::new(number)))
    }

    pub(super) fn at(&self, moment: Moment) -> f64 {
        match &self.0 {
            Shape::Steady(number) => *number,
            Shape::Moving(number) => number(moment),
        }
    }

    pub(super) fn moves(&self) -> bool {
        matches!(self.0, Shape::Moving(_))
    }
}

impl From<f64> for Curve {
    fn from(number: f64) -> Self {
        Self(Shape::Steady(number))
    }
}

impl fmt::Debug for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Shape::Steady(number) => number.fmt(f),
            Shape::Moving(_) => f.write_str("moving"),
        }
    }
}
