use shepherd_core::model::{
    Cursor, Exposure, Measurement, Metric, Quantile, Reading, Reason, Replicas, Routing, Sample, Track,
    TrackState, Verdict, Weight, WorkloadState,
};

/// An answer that makes no sense. What would be a lie that nobody could see through is left out.
pub(crate) trait Garbage: Sized {
    /// What comes instead of `answer`.
    fn garbage(answer: Self) -> Self;
}

impl Garbage for () {
    fn garbage((): Self) -> Self {}
}

impl Garbage for Routing {
    /// Somebody else's routing.
    fn garbage(_: Self) -> Self {
        Routing { exposure: Exposure::OFF.mirrored(Weight::FULL), mark: None, in_effect: false, awaits: None }
    }
}

impl Garbage for WorkloadState {
    /// Of both tracks the backend knows nothing but a number that cannot be.
    fn garbage(_: Self) -> Self {
        let nobody = TrackState { desired: Replicas::new(u32::MAX), ..TrackState::default() };
        WorkloadState { stable: nobody.clone(), candidate: nobody }
    }
}

impl Garbage for Measurement {
    /// No numbers, more failures than requests, and each of it of both tracks whatever was asked.
    fn garbage(_: Self) -> Self {
        let samples = [
            Sample::Number(f64::NAN),
            Sample::Share { part: 3.0, whole: 2.0 },
            Sample::Number(f64::INFINITY),
        ];
        let metrics = [Metric::ErrorRate, Metric::Availability, Metric::Latency(Quantile::P95)];
        let reading = |(metric, sample): (Metric, Sample)| {
            Track::BOTH.map(|track| Reading { metric: metric.clone(), track, sample: sample.clone() })
        };
        let readings = metrics.into_iter().zip(samples).flat_map(reading).collect();
        Measurement { cursor: Cursor::new("\u{0}garbage"), readings }
    }
}

impl Garbage for Verdict {
    fn garbage(_: Self) -> Self {
        Verdict::Error(Reason::new("\u{0}garbage"))
    }
}
