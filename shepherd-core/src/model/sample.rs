use serde::{Deserialize, Serialize};

use super::Quantile;

/// What a source answered for one metric of one track. Never a NaN, an infinity or a negative count: build it with
/// the checked functions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sample {
    /// A plain number, in the metric's unit.
    Number(f64),
    /// How many of how many since the last look: raw counter increments.
    Share {
        /// How many.
        part: f64,
        /// Of how many.
        whole: f64,
    },
    /// How many took how long since the last look.
    Histogram(Histogram),
    /// Nothing to say: no requests, or no baseline yet.
    NoData,
}

/// Increments of a cumulative histogram.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Histogram {
    buckets: Vec<Bucket>,
    total: f64,
}

/// How many observations were at most this large.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The bucket's upper edge, in seconds for latencies.
    pub at_most: f64,
    /// How many observations were not above it.
    pub count: f64,
}

/// Why numbers make no sample.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// A value is NaN or infinite.
    #[error("{0} is not a number to decide by")]
    NotFinite(f64),
    /// A count is below zero.
    #[error("a count of {0} is below zero")]
    Negative(f64),
    /// More failed requests than requests.
    #[error("{part} of {whole} is more than all of them")]
    PartExceedsWhole {
        /// How many.
        part: f64,
        /// Of how many.
        whole: f64,
    },
    /// Bucket edges or counts fall.
    #[error("histogram buckets do not grow")]
    BucketsNotGrowing,
}

impl Sample {
    /// A finite number.
    ///
    /// # Errors
    /// [`SampleError::NotFinite`].
    pub fn number(value: f64) -> Result<Self, SampleError> {
        finite(value).map(Sample::Number)
    }

    /// So many of so many; no data when there were none at all.
    ///
    /// # Errors
    /// [`SampleError`] when a count is not finite or negative, or the part exceeds the whole.
    pub fn share(part: f64, whole: f64) -> Result<Self, SampleError> {
        let (part, whole) = (count(part)?, count(whole)?);
        if part > whole {
            return Err(SampleError::PartExceedsWhole { part, whole });
        }
        Ok(if whole == 0.0 { Sample::NoData } else { Sample::Share { part, whole } })
    }

    /// Checks a sample that came from elsewhere.
    ///
    /// # Errors
    /// [`SampleError`] where the checked functions would have refused it.
    pub fn check(&self) -> Result<(), SampleError> {
        match self {
            Sample::Number(value) => finite(*value).map(drop),
            Sample::Share { part, whole } => Sample::share(*part, *whole).map(drop),
            Sample::Histogram(histogram) => histogram.check(),
            Sample::NoData => Ok(()),
        }
    }
}

impl Histogram {
    /// A histogram from its buckets, edges growing, counts cumulative, and how many observations there were in all.
    ///
    /// # Errors
    /// [`SampleError`] when edges or counts fall, or a number is not finite or negative.
    pub fn new(buckets: impl IntoIterator<Item = Bucket>, total: f64) -> Result<Self, SampleError> {
        let histogram = Histogram { buckets: buckets.into_iter().collect(), total };
        histogram.check().map(|()| histogram)
    }

    /// How many observations there were in all.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// The buckets below infinity.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// What so many of the observations were not above, interpolated within its bucket; none without observations.
    /// Above the last edge nothing is known but that it is larger: the last edge is answered.
    ///
    /// ```
    /// # use shepherd_core::model::{Bucket, Histogram, Quantile};
    /// let edges = [(0.1, 50.0), (0.2, 100.0)].map(|(at_most, count)| Bucket { at_most, count });
    /// assert_eq!(Histogram::new(edges, 100.0)?.quantile(Quantile::percent(25)?), Some(0.05));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn quantile(&self, quantile: Quantile) -> Option<f64> {
        if self.total <= 0.0 {
            return None;
        }
        let rank = quantile.as_fraction() * self.total;
        let mut below = Bucket { at_most: 0.0, count: 0.0 };
        for bucket in &self.buckets {
            if bucket.count >= rank {
                let within = bucket.count - below.count;
                let share = if within > 0.0 { (rank - below.count) / within } else { 1.0 };
                return Some(below.at_most + (bucket.at_most - below.at_most) * share);
            }
            below = *bucket;
        }
        self.buckets.last().map(|last| last.at_most)
    }

    fn check(&self) -> Result<(), SampleError> {
        count(self.total)?;
        for bucket in &self.buckets {
            finite(bucket.at_most)?;
            count(bucket.count)?;
        }
        let grows = self.buckets.windows(2).all(|w| w[0].at_most < w[1].at_most && w[0].count <= w[1].count);
        let bounded = self.buckets.last().is_none_or(|last| last.count <= self.total);
        if grows && bounded { Ok(()) } else { Err(SampleError::BucketsNotGrowing) }
    }
}

fn finite(value: f64) -> Result<f64, SampleError> {
    if value.is_finite() { Ok(value) } else { Err(SampleError::NotFinite(value)) }
}

fn count(value: f64) -> Result<f64, SampleError> {
    if finite(value)? < 0.0 { Err(SampleError::Negative(value)) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_numbers_that_would_mislead() {
        assert!(Sample::number(f64::NAN).is_err());
        assert!(Sample::share(5.0, 3.0).is_err());
        assert!(Sample::share(-1.0, 3.0).is_err());
        assert_eq!(Sample::share(0.0, 0.0).unwrap(), Sample::NoData);
        let falling = [(0.1, 9.0), (0.2, 3.0)].map(|(at_most, count)| Bucket { at_most, count });
        assert_eq!(Histogram::new(falling, 9.0), Err(SampleError::BucketsNotGrowing));
    }

    #[test]
    fn a_quantile_above_the_last_edge_is_the_last_edge() {
        let histogram = Histogram::new([Bucket { at_most: 0.1, count: 1.0 }], 10.0).unwrap();
        assert_eq!(histogram.quantile(Quantile::P95), Some(0.1));
        assert_eq!(Histogram::default().quantile(Quantile::P95), None);
    }
}
