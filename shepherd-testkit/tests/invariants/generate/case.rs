//! A rollout and all that happens to it, as plain data.

use shepherd_core::machine::Command;
use shepherd_core::model::{Actor, Reason, Verdict};
use shepherd_testkit::faults::{Call, Fault};
use shepherd_testkit::simulation::{Crash, Kept, Wire};

use super::{actor, revision, secs};

/// A rollout and all that happens to it.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) plan: Asked,
    pub(crate) nature: Nature,
    pub(crate) faults: Vec<Broken>,
    pub(crate) levers: Vec<(u32, Lever)>,
    pub(crate) twists: Vec<(u32, Twist)>,
    pub(crate) crashes: Vec<Killed>,
}

/// What plan is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) shape: Shape,
    pub(crate) replicas: u32,
    pub(crate) router: Router,
    pub(crate) guarded: bool,
    pub(crate) beat: u32,
    pub(crate) drain: u32,
    pub(crate) pauses: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Shape {
    Canary { weights: Vec<u32>, bake: u32, confirmed: bool, swap: bool },
    Ratio { weights: Vec<u32>, bake: u32 },
    BlueGreen { checked: bool, approved: bool, bake: u32, keep_old: bool },
    Rolling { surge: u32, unavailable: u32, settle: u32 },
    AbTest { few: bool, bake: u32, approved: bool },
    ByHand { steps: Vec<Step>, swap: bool, bake: u32 },
}

/// One exposure of a plan made by hand, and what comes before and after it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) percent: u32,
    pub(crate) matches: bool,
    pub(crate) mirror: u32,
    pub(crate) checked: bool,
    pub(crate) hooked: bool,
    pub(crate) approved: bool,
    /// Stable is scaled down to what its traffic needs.
    pub(crate) shrinks_stable: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Router {
    pub(crate) fenced: bool,
    pub(crate) coarse: bool,
    pub(crate) settle: u32,
}

/// How the world is.
#[derive(Debug, Clone)]
pub(crate) struct Nature {
    pub(crate) start_up: u32,
    pub(crate) candidate: Candidate,
    pub(crate) propagation: u32,
    pub(crate) verdicts: Vec<Said>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Candidate {
    Well,
    Failing,
    FailingFrom(u32),
    NeverReady,
    Stuck,
    Crashing(u32),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Said {
    Pass,
    Fail,
    Inconclusive,
    Error,
}

/// Calls that go wrong: from the `first` on, so many.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    pub(crate) call: Call,
    pub(crate) first: u32,
    pub(crate) many: u32,
    pub(crate) fault: Fault,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Lever {
    Pause,
    Resume,
    Skip,
    Promote,
    Approve(&'static str),
    Abort,
    RollBack { force: bool },
    Supersede(&'static str),
}

/// What somebody gives stable in the midst of a rollout.
pub(crate) const EDITED: &str = "v9";

#[derive(Debug, Clone)]
pub(crate) enum Twist {
    BreakStable(u32),
    BreakCandidate(u32),
    Meddle(u32),
    /// Somebody gives stable a revision that is none of the rollout's.
    EditStable,
}

#[derive(Debug, Clone)]
pub(crate) struct Killed {
    pub(crate) step: u64,
    pub(crate) down: u32,
    pub(crate) lands: bool,
    pub(crate) kept_all: bool,
}

impl Said {
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Said::Pass => Verdict::Pass("200".into()),
            Said::Fail => Verdict::Fail("500".into()),
            Said::Inconclusive => Verdict::Inconclusive("three requests".into()),
            Said::Error => Verdict::Error("refused".into()),
        }
    }
}

impl Lever {
    pub(crate) fn command(&self) -> Command {
        let reason = || Reason::new("so said a person");
        match self {
            Lever::Pause => Command::Pause { reason: reason() },
            Lever::Resume => Command::Resume,
            Lever::Skip => Command::Skip,
            Lever::Promote => Command::Promote,
            Lever::Approve(_) => Command::Approve,
            Lever::Abort => Command::Abort { reason: reason() },
            Lever::RollBack { force } => Command::RollBack { reason: reason(), force: *force },
            Lever::Supersede(wanted) => Command::Supersede { revision: revision(wanted) },
        }
    }

    pub(crate) fn by(&self) -> Actor {
        if let Lever::Approve(by) = self { actor(by) } else { actor("ada") }
    }
}

impl Killed {
    pub(crate) fn crash(&self) -> Crash {
        Crash::after_step(self.step)
            .down_for(secs(self.down))
            .wire(if self.lands { Wire::Lands } else { Wire::Lost })
            .kept(if self.kept_all { Kept::All } else { Kept::Saved })
    }
}
