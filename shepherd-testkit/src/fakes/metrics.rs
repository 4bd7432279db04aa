use async_trait::async_trait;
use shepherd_core::model::{Cursor, Measurement, Metric};
use shepherd_core::ports::{MeasureRequest, MetricsSource, PortError};

use super::Script;

/// A [`MetricsSource`] that answers as told, and usually has no data.
#[derive(Debug, Clone, Default)]
pub struct ScriptedMetrics {
    /// The measurements.
    pub measurements: Script<MeasureRequest, Measurement>,
}

#[async_trait]
impl MetricsSource for ScriptedMetrics {
    fn supports(&self, _: &Metric) -> bool {
        true
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        let nothing = || Measurement { cursor: Cursor::new("scripted"), readings: Vec::new() };
        Ok(self.measurements.answer(request.clone(), nothing)?)
    }
}
