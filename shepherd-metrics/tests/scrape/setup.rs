//! A source over pods, a clock that stands still, and short ways to ask.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::model::{Cursor, Elapsed, Measurement, Metric, Now, Sample, Timestamp, Track};
use shepherd_core::ports::{Clock, MeasureRequest, MetricsSource};
use shepherd_metrics::scrape::{Scrape, ScrapeBuilder};

/// Long enough for a loopback answer on a busy machine, short enough to wait for.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// Who is listed right now.
#[derive(Clone, Default)]
pub(crate) struct Listed(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl Listed {
    pub(crate) fn stable(self, urls: impl IntoIterator<Item = String>) -> Self {
        self.0.lock().unwrap().0 = urls.into_iter().collect();
        self
    }

    pub(crate) fn candidate(self, urls: impl IntoIterator<Item = String>) -> Self {
        self.0.lock().unwrap().1 = urls.into_iter().collect();
        self
    }

    fn of(&self, track: Track) -> Vec<String> {
        let both = self.0.lock().unwrap();
        match track {
            Track::Stable => both.0.clone(),
            Track::Candidate => both.1.clone(),
        }
    }
}

#[derive(Default)]
pub(crate) struct StillClock(AtomicU64);

impl StillClock {
    pub(crate) fn forward(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for StillClock {
    fn now(&self) -> Now {
        Now { wall: Timestamp::default(), elapsed: Elapsed::from_millis(self.0.load(Ordering::SeqCst)) }
    }

    async fn sleep(&self, _: Duration) {
        unreachable!("a source does not sleep")
    }
}

pub(crate) fn over(listed: &Listed) -> ScrapeBuilder {
    let listed = listed.clone();
    Scrape::builder(move |track| listed.of(track))
}

pub(crate) fn source(listed: &Listed) -> Scrape {
    over(listed).build().unwrap()
}

pub(crate) fn request(metrics: &[&str], cursor: Option<&Cursor>) -> MeasureRequest {
    let metrics = metrics.iter().map(|name| name.parse().unwrap()).collect();
    MeasureRequest::new(metrics, cursor.cloned())
}

pub(crate) async fn measure(source: &Scrape, metrics: &[&str], cursor: Option<&Cursor>) -> Measurement {
    source.measure(&request(metrics, cursor)).await.unwrap()
}

pub(crate) fn stable(measurement: &Measurement, metric: &str) -> Sample {
    measurement.sample(&metric.parse::<Metric>().unwrap(), Track::Stable).clone()
}

pub(crate) fn candidate(measurement: &Measurement, metric: &str) -> Sample {
    measurement.sample(&metric.parse::<Metric>().unwrap(), Track::Candidate).clone()
}

pub(crate) fn share(part: f64, whole: f64) -> Sample {
    Sample::Share { part, whole }
}
