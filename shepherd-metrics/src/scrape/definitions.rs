//! What each metric means on a page.

use std::collections::BTreeMap;

use shepherd_core::model::Metric;

use super::catalogue::Catalogue;
use super::query::{Query, Reduction};
use super::selector::Selector;

/// The selectors behind the metrics, as the common client libraries name them.
#[derive(Debug, Clone)]
pub(crate) struct Definitions {
    pub(crate) requests: Selector,
    pub(crate) errors: Selector,
    pub(crate) latency: Selector,
    pub(crate) cpu: Selector,
    pub(crate) memory: Selector,
    pub(crate) started: Selector,
    pub(crate) queries: BTreeMap<String, Query>,
}

impl Default for Definitions {
    fn default() -> Self {
        let requests = Selector::metric("http_requests_total");
        let failed = |label| requests.clone().starts_with(label, "5");
        Self {
            errors: failed("code").or(failed("status")),
            latency: Selector::metric("http_request_duration_seconds"),
            cpu: Selector::metric("process_cpu_seconds_total"),
            memory: Selector::metric("process_resident_memory_bytes"),
            started: Selector::metric("process_start_time_seconds"),
            queries: BTreeMap::new(),
            requests,
        }
    }
}

/// The metrics a source can measure, and how.
#[derive(Debug, Clone)]
pub(crate) struct Reductions {
    error_rate: Reduction,
    availability: Reduction,
    latency: Reduction,
    request_rate: Reduction,
    cpu: Reduction,
    memory: Reduction,
    queries: BTreeMap<String, Reduction>,
}

impl Definitions {
    pub(crate) fn compile(&self) -> (Catalogue, Reductions) {
        let mut catalogue = Catalogue::new(self.started.clone());
        let part = catalogue.counter(&self.errors);
        let whole = catalogue.counter(&self.requests);
        let reductions = Reductions {
            error_rate: Reduction::Share { part, whole },
            availability: Reduction::Rest { part, whole },
            latency: Reduction::Histogram(catalogue.histogram(&self.latency)),
            request_rate: Reduction::Rate(whole),
            cpu: Reduction::Rate(catalogue.counter(&self.cpu)),
            memory: Reduction::GaugeMax(catalogue.gauge(&self.memory)),
            queries: self
                .queries
                .iter()
                .map(|(name, query)| (name.clone(), query.enter(&mut catalogue)))
                .collect(),
        };
        (catalogue, reductions)
    }
}

impl Reductions {
    /// None for a metric that was never defined.
    pub(crate) fn of(&self, metric: &Metric) -> Option<Reduction> {
        match metric {
            Metric::ErrorRate => Some(self.error_rate),
            Metric::Availability => Some(self.availability),
            // Every quantile is read off the same histogram.
            Metric::Latency(_) => Some(self.latency),
            Metric::RequestRate => Some(self.request_rate),
            Metric::HealthCheckFailures => Some(Reduction::Health),
            Metric::Restarts => Some(Reduction::Restarts),
            Metric::Cpu => Some(self.cpu),
            Metric::Memory => Some(self.memory),
            Metric::Query(name) => self.queries.get(name).copied(),
            _ => None,
        }
    }
}
