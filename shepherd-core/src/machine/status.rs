use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rollout_machine::Machine;
use super::state::{Course, State};
use super::{Outcome, Waiting};
use crate::guard::GuardProgress;
use crate::model::{Exposure, Reason, Replicas, Revision, RolloutId, StageIndex, StageName, Target, Track};

/// Where a rollout stands, for people.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// Which rollout.
    pub rollout: RolloutId,
    /// What is rolled out.
    pub target: Target,
    /// What served before.
    pub stable: Revision,
    /// What is coming.
    pub candidate: Revision,
    /// In which phase it is.
    pub phase: Phase,
    /// In which stage.
    pub stage: StageName,
    /// Where the stage stands.
    pub index: StageIndex,
    /// How many stages there are.
    pub stages: NonZeroU32,
    /// Whether a router takes part. Without one the exposure stays off, and replicas are the weight.
    pub routed: bool,
    /// How users shall meet the candidate.
    pub exposure: Exposure,
    /// Whether they do.
    pub in_effect: bool,
    /// How many replicas of each side are ready, when that was looked at: stable, candidate.
    pub ready: [Option<Replicas>; 2],
    /// What it waits for.
    pub waiting: Waiting,
    /// Why it is paused, when it is.
    pub paused: Option<Reason>,
    /// How close each guard is to firing.
    pub guards: Vec<GuardStatus>,
    /// How long it has been attended.
    pub attended: Duration,
    /// How it ended, when it has.
    pub outcome: Option<Outcome>,
}

/// How close a guard is to firing.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardStatus {
    /// The guard, as people write it.
    pub guard: String,
    /// Whether it watches now.
    pub active: bool,
    /// How close it is.
    pub progress: GuardProgress,
}

/// In which phase a rollout is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// It takes hold of the outside.
    Attaching,
    /// It carries out its stages.
    Forward,
    /// It is being taken back.
    Recovering,
    /// It has ended.
    Finished,
}

impl Phase {
    pub(super) fn of(state: &State) -> Self {
        match &state.course {
            _ if state.outcome.is_some() => Phase::Finished,
            Course::Recovery(_) => Phase::Recovering,
            Course::Forward if state.attach.done => Phase::Forward,
            Course::Forward => Phase::Attaching,
        }
    }
}

impl Status {
    pub(super) fn of(machine: &Machine) -> Self {
        let (plan, state) = (&machine.plan, &machine.state);
        let guards = plan.guards().iter().zip(&state.guards).enumerate().map(|(index, (guard, watched))| {
            GuardStatus {
                guard: guard.condition().to_string(),
                active: state.outcome.is_none() && !machine.recovering() && machine.is_active(index),
                progress: watched.progress(guard),
            }
        });
        let last = StageIndex::at(plan.stages().len().saturating_sub(1));
        Self {
            rollout: state.rollout.clone(),
            target: plan.target().clone(),
            stable: plan.stable().clone(),
            candidate: plan.candidate().clone(),
            phase: Phase::of(state),
            stage: machine.stage().name().clone(),
            index: state.run.index,
            stages: last.number(),
            routed: machine.routed(),
            exposure: state.routing.exposure.clone(),
            in_effect: state.routing.in_effect.is_some(),
            ready: Track::BOTH.map(|track| state.ready(track)),
            waiting: machine.waiting(),
            paused: state.hold.as_ref().map(|hold| hold.reason.clone()),
            guards: guards.collect(),
            attended: machine.now() - crate::model::Elapsed::ZERO,
            outcome: state.outcome.clone(),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Phase::Attaching => "attaching",
            Phase::Forward => "going forward",
            Phase::Recovering => "going back",
            Phase::Finished => "finished",
        })
    }
}
