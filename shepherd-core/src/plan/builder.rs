use std::time::Duration;

use super::{
    Action, Approval, Attention, Change, Draft, GateCheck, Mode, OnFailure, Plan, PlanError, Promotion,
    Recovery, Stage,
};
use crate::guard::Guard;
use crate::model::{Exposure, HookName, Replicas, StageName, Track, Weight};

/// Puts a plan together. Stages are named after what they do; [`build`](Self::build) tells every mistake at once.
#[derive(Debug, Clone)]
pub struct PlanBuilder {
    draft: Draft,
}

impl PlanBuilder {
    pub(super) fn new(change: &Change, strategy: String) -> Self {
        let draft = Draft {
            target: change.target.clone(),
            strategy,
            stable: change.stable.clone(),
            candidate: change.candidate.clone(),
            replicas: change.replicas,
            mode: Mode::Split,
            promotion: Promotion::Copy,
            router: change.router,
            ground: change.ground.clone(),
            stages: Vec::new(),
            guards: change.guards.clone(),
            recovery: Recovery::default(),
            attention: change.attention,
            watch_after: None,
        };
        Self { draft }
    }

    /// How users come to meet the candidate; a split unless told otherwise.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.draft.mode = mode;
        if !mode.routed() {
            self.draft.router = None;
            self.draft.ground.router = None;
        }
        self
    }

    /// How the candidate becomes stable; by copy unless told otherwise.
    #[must_use]
    pub fn promotion(mut self, promotion: Promotion) -> Self {
        self.draft.promotion = promotion;
        self
    }

    /// The way back.
    #[must_use]
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.draft.recovery = recovery;
        self
    }

    /// One guard more than the change brought.
    #[must_use]
    pub fn guard(mut self, guard: Guard) -> Self {
        self.draft.guards.push(guard);
        self
    }

    /// How closely it is watched, if not as the change says.
    #[must_use]
    pub fn attention(mut self, attention: Attention) -> Self {
        self.draft.attention = attention;
        self
    }

    /// For how long the guards watch after the promotion.
    #[must_use]
    pub fn watch_after(mut self, time: Duration) -> Self {
        self.draft.watch_after = Some(time);
        self
    }

    /// A stage of one's own making.
    #[must_use]
    pub fn stage(mut self, stage: Stage) -> Self {
        self.draft.stages.push(stage);
        self
    }

    /// Gives a track so many replicas.
    #[must_use]
    pub fn scale(self, track: Track, replicas: Replicas) -> Self {
        self.add(format!("scale-{track}-{replicas}"), Action::Scale { track, replicas })
    }

    /// Sends this share of the users to the candidate.
    #[must_use]
    pub fn weight(self, weight: Weight) -> Self {
        self.add(format!("expose-{weight}"), Action::Expose(Exposure::weight(weight)))
    }

    /// Lets users meet the candidate so.
    #[must_use]
    pub fn expose(self, exposure: Exposure) -> Self {
        let name = if exposure.is_off() { "return".to_owned() } else { "expose".to_owned() };
        self.add(name, Action::Expose(exposure))
    }

    /// Watches for so long.
    #[must_use]
    pub fn bake(self, time: Duration) -> Self {
        let exposed = self.draft.stages.iter().rev().find_map(|stage| stage.action().exposure());
        let weight = exposed.map(|exposure| exposure.weight).filter(|weight| !weight.is_zero());
        let name = weight.map_or_else(|| "bake".to_owned(), |weight| format!("bake-{weight}"));
        self.add(name, Action::Bake(time))
    }

    /// Asks a gate.
    #[must_use]
    pub fn check(self, check: GateCheck) -> Self {
        self.add(format!("check-{}", check.gate), Action::Check(check))
    }

    /// Waits for people.
    #[must_use]
    pub fn approve(self, approval: Approval) -> Self {
        self.add("approve".to_owned(), Action::Approve(approval))
    }

    /// Sends all users to the candidate at once.
    #[must_use]
    pub fn switch(self) -> Self {
        self.add("switch".to_owned(), Action::Switch)
    }

    /// Makes the candidate stable.
    #[must_use]
    pub fn promote(self) -> Self {
        self.add("promote".to_owned(), Action::Promote)
    }

    /// Ends a track, after its replicas had so long to finish.
    #[must_use]
    pub fn retire(self, track: Track, drain: Duration) -> Self {
        self.add(format!("retire-{track}"), Action::Retire { track, drain })
    }

    /// Runs a hook.
    #[must_use]
    pub fn hook(self, hook: HookName) -> Self {
        self.add(format!("hook-{hook}"), Action::Hook(hook))
    }

    /// Gives the stage added last another deadline.
    #[must_use]
    pub fn within(self, deadline: Duration) -> Self {
        self.last(|stage| stage.within(deadline))
    }

    /// Gives the stage added last another answer to failure.
    #[must_use]
    pub fn on_failure(self, answer: OnFailure) -> Self {
        self.last(|stage| stage.on_failure(answer))
    }

    /// Says that the stage added last is the nearest to this weight.
    #[must_use]
    pub fn instead_of(self, asked: Weight) -> Self {
        self.last(|stage| stage.instead_of(asked))
    }

    /// The plan.
    ///
    /// # Errors
    /// [`PlanError`] with every mistake: where it is, what stands there, what may, and what to do.
    pub fn build(self) -> Result<Plan, PlanError> {
        self.draft.try_into()
    }

    fn last(mut self, change: impl FnOnce(Stage) -> Stage) -> Self {
        if let Some(stage) = self.draft.stages.pop() {
            self.draft.stages.push(change(stage));
        }
        self
    }

    /// Stages that do the same are numbered, so that names stay unique.
    fn add(self, name: String, action: Action) -> Self {
        let taken = |name: &str| self.draft.stages.iter().any(|stage| stage.name().as_str() == name);
        let name = if taken(&name) {
            (2..=self.draft.stages.len() + 2)
                .map(|nth| format!("{name}-{nth}"))
                .find(|name| !taken(name))
                .unwrap_or(name)
        } else {
            name
        };
        match StageName::new(&name) {
            Ok(name) => self.stage(Stage::new(name, action)),
            // Names are made of checked parts, and only a gate's or hook's own name can make one too long.
            Err(_) => self.add("stage".to_owned(), action),
        }
    }
}
