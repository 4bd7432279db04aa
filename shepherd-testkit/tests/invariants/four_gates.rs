//! 4. Nothing is promoted unless every required gate passed at the full exposure of its stage. Inconclusive and no data
//! are never a pass. A person's skip or promote is named, recorded, and the only exception.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use shepherd_core::machine::{Answer, Command, Effect, Happening, Input, Phase, Status, WaitingFor};
use shepherd_core::model::{
    Actor, Elapsed, Exposure, Measurement, Metric, Replicas, Routing, Sample, StageName, Times, Track,
};
use shepherd_core::plan::{Action, Plan};

use super::generate::{Case, Lever, Twist, anything};
use super::trail::Trail;

/// What speaks for a stage, counted from nothing but answers.
#[derive(Default, Clone)]
struct Evidence {
    passes: Times,
    approved: BTreeSet<Actor>,
    watched: Duration,
    /// When it was last asked.
    asked_at: Option<Elapsed>,
}

struct Judge<'a> {
    plan: &'a Plan,
    stage: Option<StageName>,
    exposure: Exposure,
    routing: Option<Routing>,
    /// When the last reading was asked for.
    asked: Elapsed,
    of: BTreeMap<StageName, Evidence>,
    skipped: BTreeSet<StageName>,
    hurried: bool,
}

impl Judge<'_> {
    fn evidence(&mut self) -> Option<&mut Evidence> {
        self.stage.clone().map(|stage| self.of.entry(stage).or_default())
    }

    fn guarded(&self) -> bool {
        !self.plan.guards().is_empty()
    }

    fn heard(&mut self, at: Elapsed, input: &Input, answered: Option<&Effect>) {
        match (input, answered) {
            (Input::Answered { answer: Answer::Checked(verdict), .. }, Some(Effect::Check { .. })) => {
                let passes = verdict.is_pass();
                if let Some(evidence) = self.evidence() {
                    evidence.passes = if passes { evidence.passes.next() } else { Times::ZERO };
                }
            }
            (Input::Failed { .. }, Some(Effect::Check { .. })) => {
                if let Some(evidence) = self.evidence() {
                    evidence.passes = Times::ZERO;
                }
            }
            (Input::Answered { answer: Answer::Routing(routing), .. }, Some(_)) => {
                self.routing = Some(routing.clone());
            }
            (Input::Answered { answer: Answer::Measured(measured), .. }, Some(_)) => {
                self.watched(self.asked, self.routed_as_decided(), clear(measured));
            }
            // The next reading tells of the time since this one was asked for too.
            (Input::Failed { .. }, Some(Effect::Measure { .. })) => self.watched(self.asked, true, false),
            (Input::Failed { .. }, Some(Effect::ObserveWorkload | Effect::ObserveRouting))
                if !self.guarded() =>
            {
                self.watched(at, false, false);
            }
            // With guards a look only begins what a reading may count.
            (Input::Answered { answer: Answer::Workload(_), .. }, Some(_)) => {
                if !self.guarded() || self.evidence().is_some_and(|evidence| evidence.asked_at.is_none()) {
                    self.watched(at, true, true);
                }
            }
            _ => {}
        }
    }

    fn routed_as_decided(&self) -> bool {
        self.routing.as_ref().is_none_or(|routing| routing.exposure == self.exposure)
    }

    /// A reading tells of the time since the one before it: that time counts when this one is clear.
    fn watched(&mut self, at: Elapsed, connects: bool, clear: bool) {
        let gap = self.plan.attention().max_gap;
        let Some(evidence) = self.evidence() else { return };
        let before = evidence.asked_at.filter(|before| at - *before <= gap + Duration::from_millis(1));
        if let Some(before) = before.filter(|_| connects && clear) {
            evidence.watched += at - before;
        }
        evidence.asked_at = connects.then_some(at);
    }

    fn completed(&mut self, name: &StageName) -> Result<(), String> {
        let evidence = self.of.get(name).cloned().unwrap_or_default();
        if self.hurried || self.skipped.contains(name) {
            return Ok(());
        }
        let stage = self.plan.stages().iter().find(|stage| stage.name() == name).unwrap();
        let passed = match stage.action() {
            Action::Check(check) => evidence.passes >= check.passes,
            Action::Approve(approval) => {
                let may = |by: &&Actor| approval.by.is_empty() || approval.by.contains(by);
                evidence.approved.iter().filter(may).count() >= approval.needed.get() as usize
            }
            Action::Bake(time) => evidence.watched >= *time,
            Action::Expose(exposure) => self.shows(exposure),
            Action::Switch => self.shows(&stage.action().exposure().unwrap()),
            _ => true,
        };
        if passed {
            Ok(())
        } else {
            Err(format!(
                "{name} passed on {} passes, {:?} approvals, {:?} watched",
                evidence.passes, evidence.approved, evidence.watched
            ))
        }
    }

    fn shows(&self, exposure: &Exposure) -> bool {
        self.routing.as_ref().is_some_and(|routing| routing.exposure == *exposure && routing.in_effect)
    }
}

/// The one guard of these plans, judged by hand.
fn clear(measured: &Measurement) -> bool {
    match measured.sample(&Metric::ErrorRate, Track::Candidate) {
        Sample::Share { part, whole } => *whole >= 1.0 && part <= whole && *part / *whole <= 0.05,
        _ => false,
    }
}

fn every_gate_passed(trail: &Trail) -> Result<(), TestCaseError> {
    let mut judge = Judge {
        plan: &trail.plan,
        stage: None,
        exposure: Exposure::OFF,
        routing: None,
        asked: Elapsed::ZERO,
        of: BTreeMap::new(),
        skipped: BTreeSet::new(),
        hurried: false,
    };
    for taken in &trail.taken {
        if taken.began.is_some() {
            judge.routing = None;
            for evidence in judge.of.values_mut() {
                evidence.asked_at = None;
            }
        }
        judge.heard(taken.at, &taken.input, taken.answered.as_ref());
        for event in &taken.events {
            match event {
                Happening::Attached(stage) => judge.stage = Some(stage.clone()),
                Happening::Entered(stage) => {
                    judge.stage = Some(stage.clone());
                    judge.of.insert(stage.clone(), Evidence::default());
                }
                Happening::Approved(by) => {
                    if let Some(evidence) = judge.evidence() {
                        evidence.approved.insert(by.clone());
                    }
                }
                Happening::Skipped { stage, .. } => {
                    judge.skipped.insert(stage.clone());
                }
                Happening::Hurried(_) => judge.hurried = true,
                Happening::Completed(stage) => {
                    let judged = judge.completed(stage);
                    prop_assert!(judged.is_ok(), "{judged:?}\n{}", trail.tell());
                }
                _ => {}
            }
        }
        if taken.offered.iter().any(|(_, effect)| matches!(effect, Effect::Measure { .. })) {
            judge.asked = taken.at;
        }
        if let Some(route) = taken.routes().last() {
            judge.exposure = route.exposure.clone();
        }
    }
    Ok(())
}

/// Whoever was let through without passing has a name in the report.
fn overrides_are_named(trail: &Trail) -> Result<(), TestCaseError> {
    let Some(outcome) = &trail.report.outcome else { return Ok(()) };
    let overrides = &outcome.report().overrides;
    // A kill may forget a lever that was never saved: then what it did is undone as well.
    let pulled = |wanted: fn(&Command) -> bool| {
        trail.taken.iter().any(|taken| {
            !taken.refused && matches!(&taken.input, Input::Commanded { command, .. } if wanted(command))
        })
    };
    let last = trail.taken.iter().map(|taken| taken.process).max();
    let skipped: Vec<_> = trail
        .taken
        .iter()
        .filter(|taken| Some(taken.process) == last)
        .flat_map(|taken| &taken.events)
        .filter_map(|event| match event {
            Happening::Skipped { by, stage } => Some((by, stage, false)),
            _ => None,
        })
        .collect();
    for (by, stage, to_promotion) in skipped {
        prop_assert!(
            overrides
                .iter()
                .any(|one| one.by == *by && one.stage == *stage && one.to_promotion == to_promotion),
            "{overrides:?}\n{}",
            trail.tell()
        );
    }
    for one in overrides {
        let asked = if one.to_promotion {
            pulled(|command| *command == Command::Promote)
        } else {
            pulled(|command| *command == Command::Skip)
        };
        prop_assert!(asked, "{one:?} was asked by nobody\n{}", trail.tell());
    }
    Ok(())
}

/// How far the present bake has come, as people are told; and whether stable was seen to have users and nobody for them.
#[derive(Default)]
struct Baked {
    stage: Option<StageName>,
    observed: Duration,
    /// Since it was last told, stable was seen to have somebody, or no users.
    served: bool,
    /// For how long it has had nobody, as it is seen.
    deserted_since: Option<Elapsed>,
    paused: bool,
}

impl Baked {
    fn step(&mut self, at: Elapsed, plan: &Plan, status: &Status) -> Result<(), TestCaseError> {
        let deserted = status.routed
            && status.phase == Phase::Forward
            && !status.exposure.is_full()
            && status.ready[0] == Some(Replicas::ZERO);
        self.served |= !deserted;
        self.paused |= deserted && status.paused.is_some();
        let WaitingFor::Bake { observed, .. } = status.waiting.on else { return Ok(()) };
        let same = self.stage.as_ref() == Some(&status.stage);
        prop_assert!(!same || self.served || observed <= self.observed, "{observed:?} of {}", status.stage);
        *self = Self { stage: Some(status.stage.clone()), observed, served: !deserted, ..*self };
        if !deserted {
            self.deserted_since = None;
            return Ok(());
        }
        // It is held at the first look after that.
        let since = *self.deserted_since.get_or_insert(at);
        let attention = plan.attention();
        let late = at - since > attention.max_gap + attention.beat * 2 + attention.call_timeout;
        prop_assert!(!late, "{} goes on for {:?} without stable", status.stage, at - since);
        Ok(())
    }
}

/// Nobody hurries it, and stable loses all of its replicas now and then.
fn deserted() -> impl Strategy<Value = Case> {
    let lost = prop::collection::vec((0u32..300).prop_map(|at| (at, Twist::BreakStable(8))), 1..4);
    let resumed = prop::collection::vec((0u32..600).prop_map(|at| (at, Lever::Resume)), 0..4);
    (anything(), lost, resumed).prop_map(|(mut case, lost, resumed)| {
        case.twists.extend(lost);
        case.levers.retain(|(_, lever)| *lever != Lever::Promote);
        case.levers.extend(resumed);
        case.crashes.clear();
        case
    })
}

fn baked(case: &Case) -> Result<Baked, TestCaseError> {
    let (mut baked, mut judged, plan) = (Baked::default(), Ok(()), case.plan.plan());
    case.simulation().run_watched(&mut |glance| {
        if judged.is_ok() {
            judged = baked.step(glance.at, &plan, &glance.machine.status());
        }
    });
    judged.map(|()| baked)
}

/// Levers that hurry are rare here: most of what is promoted must have passed.
fn unhurried(mut case: Case) -> Case {
    case.levers.retain(|(at, lever)| !matches!(lever, Lever::Promote) || at % 4 == 0);
    case
}

proptest! {
    #![proptest_config(super::cases(64))]

    #[test]
    fn nothing_is_through_without_its_gate(case in anything().prop_map(unhurried)) {
        let trail = Trail::of(&case);
        every_gate_passed(&trail)?;
        overrides_are_named(&trail)?;
    }
}

proptest! {
    #![proptest_config(super::cases(48))]

    #[test]
    fn nothing_is_watched_while_stable_has_users_and_nobody_for_them(case in deserted()) {
        baked(&case)?;
    }
}

/// A property over nothing would hold.
#[test]
fn a_stable_that_has_nobody_left_is_held() {
    let (_, mut case) = super::six_resume::few();
    // A replica takes longer to come back each time.
    case.twists = [5, 18, 41].map(|at| (at, Twist::BreakStable(8))).into();
    assert!(baked(&case).unwrap().paused);
}

/// At every second of a canary: whoever skips or hurries is in the report, and nobody else is.
#[test]
fn whoever_lets_it_through_is_named() {
    let (_, case) = super::six_resume::few();
    for at in 0..40 {
        for lever in [Lever::Skip, Lever::Promote] {
            let trail = Trail::of(&case.lever(at, lever.clone()));
            let accepted = trail
                .taken
                .iter()
                .any(|taken| matches!(taken.input, Input::Commanded { .. }) && !taken.refused);
            let overrides = &trail.report.outcome.as_ref().unwrap().report().overrides;
            assert_eq!(overrides.len(), usize::from(accepted), "{lever:?} at {at}\n{}", trail.tell());
            let named = overrides.iter().all(|one| {
                one.by == super::generate::actor("ada") && one.to_promotion == (lever == Lever::Promote)
            });
            assert!(named, "{overrides:?}");
        }
    }
}
