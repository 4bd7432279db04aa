use super::*;

/// An outside that does at once what it is told.
pub(crate) struct Outside {
    pub(crate) workload: WorkloadState,
    pub(crate) exposure: Exposure,
    pub(crate) routing_mark: Option<Mark>,
    /// What keeps the data path from doing what the router was told.
    pub(crate) kept_by: Option<&'static str>,
    /// The candidate's share of failed requests.
    pub(crate) errors: f64,
    pub(crate) gate: fn() -> Verdict,
    /// Refuses what it is asked to deploy on stable.
    pub(crate) stable_is_stuck: bool,
    /// Somebody has undone the candidate, and no write brings it again.
    pub(crate) undone: bool,
    /// What stable's owner has shipped, where that is his to do.
    pub(crate) shipped: Option<Revision>,
}

impl Outside {
    pub(crate) fn new(replicas: u32) -> Self {
        let replicas = Replicas::new(replicas);
        let stable = TrackState {
            revision: Some(revision("v1")),
            desired: replicas,
            ready: replicas,
            ..TrackState::default()
        };
        Self {
            workload: WorkloadState { stable, candidate: TrackState::default() },
            exposure: Exposure::OFF,
            routing_mark: None,
            kept_by: None,
            errors: 0.0,
            gate: || Verdict::Pass("200 OK".into()),
            stable_is_stuck: false,
            undone: false,
            shipped: None,
        }
    }

    /// Somebody gives stable so many replicas.
    pub(crate) fn scale_stable(&mut self, replicas: u32) {
        let stable = &mut self.workload.stable;
        (stable.desired, stable.ready) = (Replicas::new(replicas), Replicas::new(replicas));
    }

    /// The old replicas of stable go on serving, whatever its owner has shipped.
    pub(crate) fn workload(&self) -> WorkloadState {
        let mut workload = self.workload.clone();
        let other =
            self.shipped.as_ref().filter(|shipped| workload.stable.revision.as_ref() != Some(shipped));
        workload.stable.awaits = other.map(|shipped| format!("its owner has shipped {shipped}").into());
        workload
    }

    pub(crate) fn perform(&mut self, effect: &Effect) -> Result<Answer, Failure> {
        Ok(match effect {
            Effect::Route(route) => {
                self.exposure = route.exposure.clone();
                self.routing_mark = Some(route.mark.clone());
                Answer::Done
            }
            Effect::Deploy { spec, mark } => {
                if self.stable_is_stuck && spec.track == Track::Stable {
                    return Err(Failure::new(FailureKind::Denied, "cluster", "not allowed to touch stable"));
                }
                if self.undone && spec.track == Track::Candidate && mark.traffic == Traffic::On {
                    return Err(Failure::new(FailureKind::Conflict, "cluster", "somebody has undone it"));
                }
                if let Some(runs) = &self.workload.track(spec.track).revision {
                    spec.may_replace(runs)?;
                }
                let state = TrackState {
                    revision: Some(spec.revision.clone()),
                    desired: spec.replicas,
                    ready: spec.replicas,
                    mark: Some(mark.clone()),
                    ..TrackState::default()
                };
                match spec.track {
                    Track::Stable => self.workload.stable = state,
                    Track::Candidate => self.workload.candidate = state,
                }
                Answer::Done
            }
            Effect::ObserveRouting => {
                let (exposure, mark) = (self.exposure.clone(), self.routing_mark.clone());
                let awaits = self.kept_by.map(Into::into);
                Answer::Routing(Routing { exposure, mark, in_effect: awaits.is_none(), awaits })
            }
            Effect::ObserveWorkload => Answer::Workload(self.workload()),
            Effect::Measure { .. } => Answer::Measured(self.measure()),
            Effect::Check { .. } => Answer::Checked((self.gate)()),
            _ => Answer::Done,
        })
    }

    pub(crate) fn measure(&self) -> Measurement {
        let share = |track, part| Reading {
            metric: Metric::ErrorRate,
            track,
            sample: Sample::Share { part, whole: 100.0 },
        };
        let readings = vec![share(Track::Candidate, 100.0 * self.errors), share(Track::Stable, 0.0)];
        Measurement { cursor: Cursor::new("1"), readings }
    }
}
