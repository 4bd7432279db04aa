use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use shepherd_core::machine::{Answer, Effect};
use shepherd_core::model::{
    Cursor, Exposure, Fence, Mark, Measurement, Metric, Reading, Replicas, Revision, Route,
    RouterCapabilities, Routing, Sample, Track, TrackSpec, TrackState, Traffic, WorkloadState, admit,
};
use shepherd_core::ports::{MeasureRequest, MetricsSource, PortError, TrafficRouter, Workload};
use tokio::sync::Notify;

use crate::Stopwatch;

/// An outside that does at once what it is told, and costs next to nothing. All ports in one; clones share it.
#[derive(Clone)]
pub struct Ground {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    off: Notify,
}

struct State {
    workload: WorkloadState,
    routing: Routing,
    failing: bool,
    /// When the first reading that fires a guard was handed over.
    told: Option<Stopwatch>,
    /// When the first call that takes users off came in.
    taken_off: Option<Stopwatch>,
}

impl Ground {
    /// A service of four replicas of this revision, all traffic on them.
    pub fn serving(stable: Revision) -> Self {
        let four = Replicas::new(4);
        let stable =
            TrackState { revision: Some(stable), desired: four, ready: four, ..TrackState::default() };
        let workload = WorkloadState { stable, candidate: TrackState::default() };
        let routing = Routing { exposure: Exposure::OFF, mark: None, in_effect: true, awaits: None };
        let state = State { workload, routing, failing: false, told: None, taken_off: None };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), off: Notify::new() }) }
    }

    /// From now on one in five of the candidate's requests fails.
    pub fn fail(&self) {
        self.lock().failing = true;
    }

    /// Waits for the call that takes users off, and answers when it came in.
    pub async fn taken_off(&self) -> Stopwatch {
        loop {
            let off = self.shared.off.notified();
            if let Some(at) = self.lock().taken_off {
                return at;
            }
            off.await;
        }
    }

    /// When the first reading that fires a guard was handed over.
    pub fn told(&self) -> Option<Stopwatch> {
        self.lock().told
    }

    /// Does what an effect asks for, for a machine that nobody drives.
    ///
    /// # Panics
    /// When it asks for a gate or a hook, or is refused: no plan here does.
    #[allow(clippy::panic, reason = "a benchmark of something else must not go on")]
    pub fn perform(&self, effect: &Effect, metrics: &[Metric]) -> Answer {
        match effect {
            Effect::ClaimRouting(fence) => self.claim_routing(fence),
            Effect::ClaimWorkload(fence) => self.claim_workload(fence),
            Effect::Route(route) => self.route(route),
            Effect::Deploy { spec, mark } => self.deploy(spec, mark),
            Effect::ObserveRouting => return Answer::Routing(self.lock().routing.clone()),
            Effect::ObserveWorkload => return Answer::Workload(self.lock().workload.clone()),
            Effect::Measure { .. } => return Answer::Measured(self.read(metrics)),
            Effect::Notify(_) => Ok(()),
            other => panic!("nobody here does {other}"),
        }
        .unwrap_or_else(|error| panic!("{effect}: {error}"));
        Answer::Done
    }

    fn claim_routing(&self, fence: &Fence) -> Result<(), PortError> {
        let routing = &mut self.lock().routing;
        routing.mark = Some(Mark::claimed(routing.mark.as_ref(), fence)?);
        Ok(())
    }

    fn claim_workload(&self, fence: &Fence) -> Result<(), PortError> {
        let workload = &mut self.lock().workload;
        for track in [&mut workload.stable, &mut workload.candidate] {
            track.mark = Some(Mark::claimed(track.mark.as_ref(), fence)?);
        }
        Ok(())
    }

    fn route(&self, route: &Route) -> Result<(), PortError> {
        let now = Stopwatch::start();
        let mut state = self.lock();
        if route.mark.traffic == Traffic::Off {
            state.taken_off.get_or_insert(now);
            self.shared.off.notify_waiters();
        }
        let admitted = admit(state.routing.mark.as_ref(), &state.routing.exposure, route)?;
        state.routing =
            Routing { exposure: admitted.exposure, mark: Some(admitted.mark), in_effect: true, awaits: None };
        Ok(())
    }

    fn deploy(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        let workload = &mut self.lock().workload;
        let track = match spec.track {
            Track::Stable => &mut workload.stable,
            Track::Candidate => &mut workload.candidate,
        };
        mark.admit(track.mark.as_ref())?;
        track.revision.as_ref().map_or(Ok(()), |runs| spec.may_replace(runs))?;
        *track = TrackState {
            revision: Some(spec.revision.clone()),
            desired: spec.replicas,
            ready: spec.replicas,
            mark: Some(mark.clone()),
            ..TrackState::default()
        };
        Ok(())
    }

    fn read(&self, metrics: &[Metric]) -> Measurement {
        let mut state = self.lock();
        let failed = if state.failing { 200.0 } else { 2.0 };
        let reading = |metric: &Metric, track| {
            let sample = match metric {
                Metric::ErrorRate => Sample::Share { part: failed, whole: 1000.0 },
                Metric::Availability => Sample::Share { part: 1000.0 - failed, whole: 1000.0 },
                Metric::HealthCheckFailures => Sample::Share { part: 0.0, whole: 40.0 },
                Metric::Latency(_) => Sample::Number(0.12),
                _ => Sample::Number(1.0),
            };
            Reading { metric: metric.clone(), track, sample }
        };
        let readings = metrics.iter().flat_map(|metric| Track::BOTH.map(|track| reading(metric, track)));
        let readings = readings.collect();
        if state.failing {
            state.told.get_or_insert(Stopwatch::start());
        }
        Measurement { cursor: Cursor::new("1763697600000"), readings }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl TrafficRouter for Ground {
    fn capabilities(&self) -> RouterCapabilities {
        RouterCapabilities::weighted()
    }

    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.claim_routing(fence)
    }

    async fn apply(&self, route: &Route) -> Result<(), PortError> {
        self.route(route)
    }

    async fn observe(&self) -> Result<Routing, PortError> {
        Ok(self.lock().routing.clone())
    }
}

#[async_trait]
impl Workload for Ground {
    async fn claim(&self, fence: &Fence) -> Result<(), PortError> {
        self.claim_workload(fence)
    }

    async fn apply(&self, spec: &TrackSpec, mark: &Mark) -> Result<(), PortError> {
        self.deploy(spec, mark)
    }

    async fn observe(&self) -> Result<WorkloadState, PortError> {
        Ok(self.lock().workload.clone())
    }
}

#[async_trait]
impl MetricsSource for Ground {
    fn supports(&self, _: &Metric) -> bool {
        true
    }

    async fn measure(&self, request: &MeasureRequest) -> Result<Measurement, PortError> {
        Ok(self.read(&request.metrics))
    }
}
