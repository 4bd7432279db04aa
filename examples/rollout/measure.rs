//! The servers' own metrics as a source of Shepherd.

use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::model::{Measurement, Metric, Track};
use shepherd_core::ports::{MeasureRequest, MetricsSource, PortError};
use shepherd_metrics::Scrape;
use shepherd_metrics::scrape::ScrapeError;

use crate::workload::Servers;

/// A scrape of what the servers serve, which is not everything that a scrape could know of.
pub(crate) struct Metrics(Scrape);

impl Metrics {
    pub(crate) fn of(servers: Servers) -> Result<Self, ScrapeError> {
        let pages = move |track: Track| {
            servers.addrs(track).into_iter().map(|addr| format!("http://{addr}/metrics")).collect()
        };
        Scrape::builder(pages).timeout(Duration::from_secs(1)).build().map(Self)
    }
}

#[async_trait]
impl MetricsSource for Metrics {
    /// These servers share one process, so none of them can tell its own processor time and memory.
    fn supports(&self, metric: &Metric) -> bool {
        !matches!(metric, Metric::Cpu | Metric::Memory) && self.0.supports(metric)
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        self.0.measure(request).await
    }
}
