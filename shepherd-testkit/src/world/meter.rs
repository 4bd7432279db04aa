use std::collections::VecDeque;

use shepherd_core::model::{Cursor, Elapsed, Measurement, Metric, Reading, Sample, Track};

use super::latency::Latencies;
use super::world::index;

/// Counters of one track, as its replicas would tell them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) requests: f64,
    pub(super) failed: f64,
    pub(super) latencies: Latencies,
    pub(super) checks: f64,
    pub(super) failed_checks: f64,
    pub(super) restarts: f64,
}

/// Counts both tracks, and answers what came since a cursor.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    pub(super) tracks: [Counters; 2],
    /// What the counters were when each cursor was given out, the newest last.
    bases: VecDeque<(Cursor, Elapsed, [Counters; 2])>,
    given: u64,
}

/// Older cursors than this many are forgotten.
const REMEMBERED: usize = 1000;

impl Meter {
    pub(super) fn of(&mut self, track: Track) -> &mut Counters {
        &mut self.tracks[index(track)]
    }

    /// The sides change roles, and each keeps its counters.
    pub(super) fn exchange(&mut self) {
        self.tracks.swap(0, 1);
        self.bases.iter_mut().for_each(|(_, _, counters)| counters.swap(0, 1));
    }

    pub(super) fn measure(
        &mut self,
        now: Elapsed,
        metrics: &[Metric],
        since: Option<&Cursor>,
    ) -> Measurement {
        // Cursors are looked for from the newest: nearly always it is the one.
        let base = since.and_then(|cursor| self.bases.iter().rev().find(|(known, ..)| known == cursor));
        let readings = base.map(|(_, then, counters)| {
            let seconds = (now - *then).as_secs_f64();
            let of_track = |track| {
                let (now, then) = (&self.tracks[index(track)], &counters[index(track)]);
                metrics.iter().map(move |metric| Reading {
                    metric: metric.clone(),
                    track,
                    sample: now.since(then, metric, seconds).unwrap_or(Sample::NoData),
                })
            };
            Track::BOTH.into_iter().flat_map(of_track).collect()
        });
        Measurement { readings: readings.unwrap_or_default(), cursor: self.remember(now) }
    }

    fn remember(&mut self, now: Elapsed) -> Cursor {
        self.given += 1;
        let cursor = Cursor::new(self.given.to_string());
        if self.bases.len() == REMEMBERED {
            self.bases.pop_front();
        }
        self.bases.push_back((cursor.clone(), now, self.tracks));
        cursor
    }
}

impl Counters {
    fn since(&self, then: &Counters, metric: &Metric, seconds: f64) -> Option<Sample> {
        let requests = self.requests - then.requests;
        let failed = (self.failed - then.failed).clamp(0.0, requests);
        match metric {
            Metric::ErrorRate => Sample::share(failed, requests).ok(),
            Metric::Availability => Sample::share(requests - failed, requests).ok(),
            Metric::Latency(_) => self.latencies.since(&then.latencies).map(Sample::Histogram),
            Metric::RequestRate if requests > 0.0 => Sample::number(requests / seconds).ok(),
            Metric::HealthCheckFailures => {
                let checks = self.checks - then.checks;
                Sample::share((self.failed_checks - then.failed_checks).clamp(0.0, checks), checks).ok()
            }
            Metric::Restarts => Sample::number(self.restarts - then.restarts).ok(),
            _ => None,
        }
    }
}
