//! Everything that is looked for on a page.

use super::selector::Selector;

/// The distinct selectors of all metrics, each once however many metrics need it, and known by its place here.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    grown: Vec<Grown>,
    gauges: Vec<Selector>,
    started: Selector,
}

/// A selector of what only grows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Grown {
    Counter(Selector),
    /// By the name without `_bucket`.
    Histogram(Selector),
}

/// The place of a [`Grown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GrownId(usize);

/// The place of a gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GaugeId(usize);

impl Catalogue {
    /// `started` selects when the process behind an endpoint began.
    pub(crate) fn new(started: Selector) -> Self {
        Self { grown: Vec::new(), gauges: Vec::new(), started }
    }

    pub(crate) fn counter(&mut self, selector: &Selector) -> GrownId {
        GrownId(place(&mut self.grown, Grown::Counter(selector.clone())))
    }

    pub(crate) fn histogram(&mut self, selector: &Selector) -> GrownId {
        GrownId(place(&mut self.grown, Grown::Histogram(selector.clone())))
    }

    pub(crate) fn gauge(&mut self, selector: &Selector) -> GaugeId {
        GaugeId(place(&mut self.gauges, selector.clone()))
    }

    pub(crate) fn grown(&self) -> &[Grown] {
        &self.grown
    }

    pub(crate) fn gauges(&self) -> &[Selector] {
        &self.gauges
    }

    pub(crate) fn started(&self) -> &Selector {
        &self.started
    }
}

impl GrownId {
    pub(crate) fn of<T>(self, all: &[T]) -> Option<&T> {
        all.get(self.0)
    }
}

impl GaugeId {
    pub(crate) fn of<T>(self, all: &[T]) -> Option<&T> {
        all.get(self.0)
    }
}

fn place<T: PartialEq>(all: &mut Vec<T>, wanted: T) -> usize {
    all.iter().position(|known| *known == wanted).unwrap_or_else(|| {
        all.push(wanted);
        all.len() - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_metrics_need_is_looked_for_once() {
        let mut catalogue = Catalogue::new(Selector::metric("start"));
        let hits = Selector::metric("hits");
        assert_eq!(catalogue.counter(&hits), catalogue.counter(&hits));
        assert_ne!(catalogue.counter(&hits), catalogue.histogram(&hits));
        assert_eq!(catalogue.grown().len(), 2);
    }
}
