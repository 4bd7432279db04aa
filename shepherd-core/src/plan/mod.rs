//! What will happen, decided before anything does: stages, the guards over them, and the way back.

mod action;
mod attention;
mod builder;
mod change;
mod check;
mod drift;
mod dry_run;
mod ground;
mod mode;
mod problem;
mod put_back;
mod recovery;
mod stage;
mod way_back;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use action::{Action, Approval, GateCheck};
pub(crate) use attention::SHORTEST_POLL;
pub use attention::{Attention, Unattended};
pub use builder::PlanBuilder;
pub use change::Change;
pub use drift::Drift;
pub use dry_run::DryRun;
pub use ground::Ground;
pub use mode::{Headroom, Mode, Promotion};
pub use problem::{PlanError, Problem};
pub(crate) use put_back::{PutBack, Sides};
pub use recovery::Recovery;
pub use stage::{OnFailure, Stage};

use crate::guard::Guard;
use crate::model::{Exposure, Replicas, Revision, RouterCapabilities, StageIndex, Target, Track};

/// An immutable, validated list of stages, the guards that watch over them, and the way back.
///
/// A plan is decided once and shared; nothing in it changes while it is carried out. It can be printed
/// ([`dry_run`](Self::dry_run)), compared, kept as JSON (reading it back validates it again) and carried out by a
/// [`Machine`](crate::machine::Machine).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Draft", into = "Draft")]
pub struct Plan(Arc<Draft>);

/// A plan before it was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    pub(crate) target: Target,
    pub(crate) strategy: String,
    pub(crate) stable: Revision,
    pub(crate) candidate: Revision,
    pub(crate) replicas: Replicas,
    pub(crate) mode: Mode,
    pub(crate) promotion: Promotion,
    pub(crate) router: Option<RouterCapabilities>,
    #[serde(default, skip_serializing_if = "Ground::is_unknown")]
    pub(crate) ground: Ground,
    pub(crate) stages: Vec<Stage>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) recovery: Recovery,
    pub(crate) attention: Attention,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::model::human_duration::option")]
    pub(crate) watch_after: Option<Duration>,
}

impl Plan {
    /// Begins a plan for `change` under the name of a strategy.
    pub fn builder(change: &Change, strategy: impl Into<String>) -> PlanBuilder {
        PlanBuilder::new(change, strategy.into())
    }

    /// What is rolled out.
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// The strategy's name, for people.
    pub fn strategy(&self) -> &str {
        &self.0.strategy
    }

    /// What serves now.
    pub fn stable(&self) -> &Revision {
        &self.0.stable
    }

    /// What is coming.
    pub fn candidate(&self) -> &Revision {
        &self.0.candidate
    }

    /// How many replicas serve all of the traffic.
    pub fn replicas(&self) -> Replicas {
        self.0.replicas
    }

    /// How users come to meet the candidate.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// How the candidate becomes stable.
    pub fn promotion(&self) -> Promotion {
        self.0.promotion
    }

    /// What the router that the plan was made for can do; none when no router takes part.
    pub fn router(&self) -> Option<&RouterCapabilities> {
        self.0.router.as_ref()
    }

    /// What it works on.
    pub fn ground(&self) -> &Ground {
        &self.0.ground
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.0.stages
    }

    /// The guards.
    pub fn guards(&self) -> &[Guard] {
        &self.0.guards
    }

    /// The way back.
    pub fn recovery(&self) -> &Recovery {
        &self.0.recovery
    }

    /// How closely it is watched.
    pub fn attention(&self) -> &Attention {
        &self.0.attention
    }

    /// How long the guards watch after the promotion, if they do.
    pub fn watch_after(&self) -> Option<Duration> {
        self.0.watch_after
    }

    /// What a person reads before pressing the button.
    pub fn dry_run(&self) -> DryRun<'_> {
        DryRun::of(self)
    }

    /// The stage that stands there; none behind the last. What a [`Mark`](crate::model::Mark) or a
    /// [`Status`](crate::machine::Status) names.
    pub fn stage(&self, index: StageIndex) -> Option<&Stage> {
        self.stages().get(usize::from(index))
    }

    /// Where the stage that promotes stands. A valid plan has exactly one.
    ///
    /// ```
    /// # use shepherd_core::model::{Replicas, Revision};
    /// # use shepherd_core::plan::{Action, Change};
    /// # use shepherd_core::strategy::{Rolling, Strategy};
    /// # let change = Change::new("web".parse()?, Revision::new("v1")?, Revision::new("v2")?).replicas(Replicas::new(4));
    /// let plan = Rolling::new().plan(&change)?;
    /// let promotes = plan.stage(plan.promote_stage()).map(|stage| stage.action());
    /// assert_eq!(promotes, Some(&Action::Promote));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn promote_stage(&self) -> StageIndex {
        self.position(|stage| matches!(stage.action(), Action::Promote)).unwrap_or_default()
    }

    /// Where the first such stage stands.
    pub(crate) fn position(&self, wanted: impl FnMut(&Stage) -> bool) -> Option<StageIndex> {
        self.stages().iter().position(wanted).map(StageIndex::at)
    }

    /// How many ready replicas a track needs while users are exposed so. Copies need them as much as requests do.
    pub fn needed(&self, track: Track, exposure: &Exposure) -> Replicas {
        let needed = match track {
            Track::Stable => self.replicas().for_weight(exposure.weight.rest()),
            Track::Candidate => self.replicas().for_weight(exposure.load()),
        };
        let chosen = track == Track::Candidate && !(exposure.matches.is_empty() && exposure.mirror.is_zero());
        if chosen { needed.max(Replicas::new(1)) } else { needed }
    }
}

impl TryFrom<Draft> for Plan {
    type Error = PlanError;
    fn try_from(mut draft: Draft) -> Result<Self, PlanError> {
        check::check(&draft)?;
        // It never grows again, and lives as long as the rollout.
        draft.stages.shrink_to_fit();
        draft.guards.shrink_to_fit();
        Ok(Plan(Arc::new(draft)))
    }
}

impl From<Plan> for Draft {
    fn from(plan: Plan) -> Draft {
        Arc::unwrap_or_clone(plan.0)
    }
}
