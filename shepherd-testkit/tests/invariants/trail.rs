//! What a machine decided, step by step, over all processes of a simulation: the ground on which decisions are judged
//! by nothing but what the machine had been told.

use std::collections::BTreeSet;

use shepherd_core::machine::{Answer, Effect, EffectId, Happening, Input, Phase};
use shepherd_core::model::{Elapsed, Exposure, Replicas, Revision, Route, Track, Traffic, WorkloadState};
use shepherd_core::plan::Plan;
use shepherd_testkit::simulation::{SimReport, Simulation};

use super::generate::Case;

/// One step.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) at: Elapsed,
    pub(crate) process: u32,
    pub(crate) input: Input,
    /// What the effect was that the input answers.
    pub(crate) answered: Option<Effect>,
    pub(crate) events: Vec<Happening>,
    pub(crate) refused: bool,
    /// Effects that this process offers for the first time.
    pub(crate) offered: Vec<(EffectId, Effect)>,
    /// Set for the first step of each process.
    pub(crate) began: Option<Phase>,
    pub(crate) ended: bool,
    /// How many writes the world had accepted by then.
    pub(crate) writes: usize,
}

#[derive(Debug)]
pub(crate) struct Trail {
    pub(crate) plan: Plan,
    pub(crate) taken: Vec<Taken>,
    pub(crate) report: SimReport,
}

impl Trail {
    pub(crate) fn of(case: &Case) -> Self {
        Self::run(case.plan.plan(), case.simulation())
    }

    pub(crate) fn run(plan: Plan, simulation: Simulation) -> Self {
        let mut taken = Vec::new();
        let mut known: Vec<(EffectId, Effect)> = Vec::new();
        let mut started: BTreeSet<EffectId> = BTreeSet::new();
        let mut process = 0;
        let report = simulation.run_watched(&mut |glance| {
            let new = glance.process != process;
            if new {
                process = glance.process;
                started.clear();
                known.clear();
            }
            let answered = match glance.input {
                Input::Answered { effect, .. } | Input::Failed { effect, .. } => {
                    known.iter().find(|(id, _)| id == effect).map(|(_, effect)| effect.clone())
                }
                _ => None,
            };
            let pending = glance.machine.pending().effects;
            let offered: Vec<_> = pending
                .into_iter()
                .filter(|(id, _)| started.insert(*id))
                .map(|(id, effect)| (id, effect.clone()))
                .collect();
            known.extend(offered.iter().cloned());
            taken.push(Taken {
                at: glance.at,
                process: glance.process,
                input: glance.input.clone(),
                answered,
                events: glance.step.events.iter().map(|event| event.what.clone()).collect(),
                refused: glance.step.refused.is_some(),
                offered,
                began: new.then(|| glance.machine.status().phase),
                ended: glance.machine.outcome().is_some(),
                writes: glance.writes,
            });
        });
        Self { plan, taken, report }
    }

    /// What to say when a property fails.
    pub(crate) fn tell(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for taken in &self.taken {
            let at = (taken.at - Elapsed::ZERO).as_secs_f64();
            let quiet = taken.events.is_empty()
                && taken.offered.iter().all(|(_, effect)| effect.is_observation())
                && !matches!(taken.input, Input::Commanded { .. } | Input::Failed { .. });
            if quiet {
                continue;
            }
            write!(text, "{at:>8} p{} ", taken.process).unwrap();
            match &taken.input {
                Input::Tick => write!(text, "tick").unwrap(),
                Input::Answered { effect, .. } => write!(text, "answered {effect}").unwrap(),
                Input::Failed { effect, failure } => write!(text, "failed {effect} {failure}").unwrap(),
                other => write!(text, "{other:?}").unwrap(),
            }
            for event in &taken.events {
                write!(text, " * {event}").unwrap();
            }
            for (id, effect) in taken.offered.iter().filter(|(_, effect)| !effect.is_observation()) {
                write!(text, " > {id}: {effect}").unwrap();
                if let Effect::Route(Route { mark, .. }) | Effect::Deploy { mark, .. } = effect {
                    write!(text, " [{:?} {}]", mark.traffic, mark.generation).unwrap();
                }
            }
            text.push('\n');
        }
        for write in self.report.writes() {
            writeln!(text, "written at {:?}: {:?}", write.at, write.what).unwrap();
        }
        writeln!(text, "{:?} {:?}", self.report.ended, self.report.outcome).unwrap();
        for violation in self.report.violations() {
            writeln!(text, "{violation}").unwrap();
        }
        text
    }
}

impl Taken {
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.offered.iter().filter_map(|(_, effect)| match effect {
            Effect::Route(route) => Some(route),
            _ => None,
        })
    }

    pub(crate) fn triggered(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Happening::Triggered(_)))
    }

    /// Whether it was told of an off mark. There is one rollout in a simulation.
    pub(crate) fn finds_off(&self) -> bool {
        matches!((&self.input, &self.answered), (Input::Answered { answer: Answer::Routing(routing), .. }, Some(_))
            if routing.mark.as_ref().is_some_and(|mark| mark.traffic == Traffic::Off))
    }

    pub(crate) fn sees_routing(&self) -> bool {
        matches!((&self.input, &self.answered), (Input::Answered { answer: Answer::Routing(_), .. }, Some(_)))
    }

    /// What was seen of the replicas, when this step was told.
    pub(crate) fn workload(&self) -> Option<&WorkloadState> {
        match (&self.input, &self.answered) {
            (Input::Answered { answer: Answer::Workload(workload), .. }, Some(_)) => Some(workload),
            _ => None,
        }
    }
}

/// How many ready replicas of its own a track needs for its part of the traffic, by the text of the invariant.
pub(crate) fn needed(plan: &Plan, track: Track, exposure: &Exposure) -> u32 {
    let (weight, rest) =
        (u64::from(exposure.weight.as_hundredths()), u64::from(exposure.weight.rest().as_hundredths()));
    // In millionths of a percent: copies are a part of stable's part.
    let share = match track {
        Track::Stable => rest * 10_000,
        Track::Candidate => weight * 10_000 + rest * u64::from(exposure.mirror.as_hundredths()),
    };
    let by_weight = u32::try_from((u64::from(plan.replicas().get()) * share).div_ceil(100_000_000)).unwrap();
    let chosen = track == Track::Candidate && !exposure.is_off();
    by_weight.max(u32::from(chosen))
}

/// How many replicas of this revision a track was seen to have ready.
pub(crate) fn ready(workload: &WorkloadState, track: Track, revision: &Revision) -> u32 {
    let state = workload.track(track);
    if state.revision.as_ref() == Some(revision) { state.ready } else { Replicas::ZERO }.get()
}
