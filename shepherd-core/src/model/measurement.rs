use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Metric, Sample, Track};

/// How far a source has told its increments. Opaque to everybody but the source; saved with the rollout so that no
/// increment is counted twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

/// One answer of a source: what each metric was on each track since the cursor it was asked from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Where the next question begins.
    pub cursor: Cursor,
    /// What was read; what is missing here is [`Sample::NoData`].
    pub readings: Vec<Reading>,
}

/// What one metric was on one track.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Which metric.
    pub metric: Metric,
    /// Of which side.
    pub track: Track,
    /// What it was.
    pub sample: Sample,
}

impl Cursor {
    /// A cursor of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Measurement {
    /// What `metric` was on `track`.
    pub fn sample(&self, metric: &Metric, track: Track) -> &Sample {
        self.readings
            .iter()
            .find(|reading| reading.track == track && reading.metric == *metric)
            .map_or(&Sample::NoData, |reading| &reading.sample)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
