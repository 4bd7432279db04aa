use async_trait::async_trait;

use super::PortError;
use crate::model::{Cursor, Measurement, Metric};

/// Measures both tracks: Prometheus, the service's own endpoints, a log.
///
/// # Contract
/// - Increments since the request's cursor are answered; asking again with the same cursor answers from the same
///   base again, since the first answer may have been lost.
/// - Without a cursor, or with one that the source no longer knows, a baseline begins: increments are
///   [no data](crate::model::Sample::NoData) this once, never the counters' whole past.
/// - What was not measured is no data. A NaN is never passed on, and silence is never a zero.
/// - The call may be dropped at any await.
///
/// The testkit has a suite with one test for each of these promises.
#[async_trait]
pub trait MetricsSource: Send + Sync {
    /// Whether it can measure this. Asked when a rollout is planned, so that a guard on a metric that does not exist
    /// is refused before anything happens; answered without I/O.
    fn supports(&self, metric: &Metric) -> bool;

    /// Measures.
    ///
    /// # Errors
    /// Says who must act.
    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError>;
}

/// What is to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MeasureRequest {
    /// Each metric once, always of both tracks.
    pub metrics: Vec<Metric>,
    /// Since when; none for a new baseline.
    pub cursor: Option<Cursor>,
}

impl MeasureRequest {
    /// A question for `metrics` since `cursor`.
    pub fn new(metrics: Vec<Metric>, cursor: Option<Cursor>) -> Self {
        Self { metrics, cursor }
    }
}
