//! What one scrape of one endpoint found.

use std::collections::HashMap;
use std::fmt::Write;

use super::catalogue::{Catalogue, Grown};
use super::cumulative::Cumulative;
use super::exposition::{Labels, Malformed, Sample, samples};

/// Name and labels, in one way of writing.
pub(crate) type SeriesKey = String;

/// The part of a page that the catalogue looks for. Nothing here is infinite or not a number.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// By their place in the catalogue.
    pub(crate) grown: Vec<HashMap<SeriesKey, Cumulative>>,
    /// By their place in the catalogue.
    pub(crate) gauges: Vec<Vec<f64>>,
    /// When the one process behind the endpoint began, in seconds. None if the page does not say or speaks of several.
    pub(crate) started: Option<f64>,
}

impl Page {
    pub(crate) fn read(text: &str, catalogue: &Catalogue) -> Result<Self, Malformed> {
        let mut draft = Draft::new(catalogue);
        for sample in samples(text) {
            draft.note(&sample?, catalogue);
        }
        Ok(draft.finish())
    }
}

/// A page while it is read: the buckets of a histogram come one by one, and a series may come twice.
struct Draft {
    buckets: Vec<HashMap<SeriesKey, Vec<(f64, f64)>>>,
    gauges: Vec<HashMap<SeriesKey, f64>>,
    started: HashMap<SeriesKey, f64>,
}

impl Draft {
    fn new(catalogue: &Catalogue) -> Self {
        Self {
            buckets: catalogue.grown().iter().map(|_| HashMap::new()).collect(),
            gauges: catalogue.gauges().iter().map(|_| HashMap::new()).collect(),
            started: HashMap::new(),
        }
    }

    fn note(&mut self, sample: &Sample<'_>, catalogue: &Catalogue) {
        for (grown, found) in catalogue.grown().iter().zip(&mut self.buckets) {
            if let Some((key, bucket)) = bucket(grown, sample) {
                found.entry(key).or_default().push(bucket);
            }
        }
        for (gauge, found) in catalogue.gauges().iter().zip(&mut self.gauges) {
            if gauge.selects(sample.name, &sample.labels) {
                keep_first(found, sample);
            }
        }
        if catalogue.started().selects(sample.name, &sample.labels) {
            keep_first(&mut self.started, sample);
        }
    }

    fn finish(self) -> Page {
        let grown = |found: HashMap<SeriesKey, Vec<(f64, f64)>>| {
            let sound = |(key, buckets)| Some((key, Cumulative::histogram(buckets)?));
            found.into_iter().filter_map(sound).collect()
        };
        let one_process = self.started.len() == 1;
        Page {
            grown: self.buckets.into_iter().map(grown).collect(),
            gauges: self.gauges.into_iter().map(|found| found.into_values().collect()).collect(),
            started: self.started.into_values().next().filter(|_| one_process),
        }
    }
}

/// A counter is a histogram with one bucket.
fn bucket(grown: &Grown, sample: &Sample<'_>) -> Option<(SeriesKey, (f64, f64))> {
    match grown {
        Grown::Counter(selector) => selector
            .selects(sample.name, &sample.labels)
            .then(|| (key(sample.name, &sample.labels, None), (f64::INFINITY, sample.value))),
        Grown::Histogram(selector) => {
            let name = sample.name.strip_suffix("_bucket")?;
            let (_, edge) = sample.labels.iter().find(|(label, _)| *label == "le")?;
            let edge = edge.parse().ok()?;
            selector
                .selects(name, &sample.labels)
                .then(|| (key(name, &sample.labels, Some("le")), (edge, sample.value)))
        }
    }
}

/// A series that is given twice counts once, as in Prometheus.
fn keep_first(found: &mut HashMap<SeriesKey, f64>, sample: &Sample<'_>) {
    if sample.value.is_finite() {
        found.entry(key(sample.name, &sample.labels, None)).or_insert(sample.value);
    }
}

fn key(name: &str, labels: &Labels<'_>, without: Option<&str>) -> SeriesKey {
    let mut key = name.to_owned();
    for (label, value) in labels.iter().filter(|(label, _)| Some(*label) != without) {
        // Quoted and escaped, so that no value can pass for another label. Writing to a string does not fail.
        let _ = write!(key, ",{label}={value:?}");
    }
    key
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers are exact")]
mod tests {
    use super::super::selector::Selector;
    use super::*;

    fn read(text: &str) -> Page {
        let mut catalogue = Catalogue::new(Selector::metric("start"));
        catalogue.counter(&Selector::metric("hits"));
        catalogue.histogram(&Selector::metric("wait").equals("path", "/"));
        catalogue.gauge(&Selector::metric("queue"));
        Page::read(text, &catalogue).unwrap()
    }

    #[test]
    fn only_what_is_looked_for_is_kept() {
        let page = read("hits{code=\"200\"} 3\nhits{code=\"500\"} 1\nmisses 4\nqueue 7\nstart 99\n");
        assert_eq!(page.grown[0].len(), 2);
        assert_eq!(page.gauges, [[7.0]]);
        assert_eq!(page.started, Some(99.0));
    }

    #[test]
    fn buckets_are_gathered_into_one_histogram() {
        let page = read(concat!(
            "wait_bucket{path=\"/\",le=\"0.1\"} 1\n",
            "wait_bucket{path=\"/\",le=\"+Inf\"} 3\n",
            "wait_bucket{path=\"/other\",le=\"+Inf\"} 9\n",
            "wait_sum{path=\"/\"} 3\nwait_count{path=\"/\"} 3\n",
        ));
        let found: Vec<_> = page.grown[1].values().collect();
        assert_eq!(found, [&Cumulative::histogram(vec![(0.1, 1.0), (f64::INFINITY, 3.0)]).unwrap()]);
    }

    #[test]
    fn a_series_given_twice_counts_once_whatever_the_order_of_its_labels() {
        let page = read("hits{a=\"1\",b=\"2\"} 3\nhits{b=\"2\",a=\"1\"} 8\nqueue 1\nqueue 5\n");
        let found: Vec<_> = page.grown[0].values().map(Cumulative::total).collect();
        assert_eq!((found, page.gauges), (vec![3.0], vec![vec![1.0]]));
    }

    #[test]
    fn what_is_no_number_is_not_there() {
        let page =
            read("hits NaN\nhits{a=\"1\"} +Inf\nqueue -Inf\nstart NaN\nwait_bucket{path=\"/\",le=\"1\"} 3\n");
        assert!(page.grown.iter().all(HashMap::is_empty));
        assert_eq!((page.gauges, page.started), (vec![vec![]], None));
    }

    #[test]
    fn several_processes_behind_one_endpoint_have_no_one_start() {
        assert_eq!(read("start{p=\"1\"} 5\nstart{p=\"2\"} 6\n").started, None);
    }
}
