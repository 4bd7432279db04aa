//! Ways that once led somewhere else: the search found each of them.

use shepherd_core::machine::{Command, EffectId, Outcome};
use shepherd_core::model::{FailureKind, Track};
use shepherd_core::plan::Plan;

use super::luck::Luck;
use super::moves::Move;
use super::node::Node;
use super::plans;

/// Enough of each.
const LUCK: Luck = Luck { failures: 3, late: 3, kills: 3, levers: 3, losses: 3, slow: 3 };

fn started(plan: Plan) -> Node {
    Node::start(plan, LUCK)
}

impl Node {
    #[track_caller]
    fn then(&self, happens: &Move) -> Node {
        self.after(happens).unwrap_or_else(|wrong| panic!("{wrong} after {happens}")).0
    }

    /// Goes on calmly until this is asked of the outside.
    #[track_caller]
    fn until_asked(self, what: &str) -> Node {
        self.calmly(|node| node.pending().iter().any(|(_, effect)| effect.to_string() == what))
    }

    #[track_caller]
    fn until_done(self) -> Node {
        self.calmly(|node| node.machine.is_done())
    }

    #[track_caller]
    fn until_in(self, stage: &str) -> Node {
        self.calmly(|node| node.machine.status().stage.as_str() == stage)
    }

    /// Replicas get ready, calls are answered, and time passes.
    #[track_caller]
    fn calmly(mut self, until: impl Fn(&Node) -> bool) -> Node {
        for _ in 0..200 {
            if until(&self) {
                return self;
            }
            let moves = self.moves();
            let ready = moves.iter().find(|happens| matches!(happens, Move::Readies(_)));
            let answers = moves.iter().find(|happens| matches!(happens, Move::Answers(_) | Move::Says(..)));
            self = self.then(ready.or(answers).unwrap_or(&Move::Ticks));
        }
        panic!("it never comes to that: {:#?}", self.machine.status());
    }

    /// What becomes of this effect.
    #[track_caller]
    fn of(&self, what: &str, becomes: impl Fn(EffectId) -> Move) -> Node {
        let pending = self.pending();
        let (id, _) = pending.iter().find(|(_, effect)| effect.to_string() == what).unwrap();
        self.then(&becomes(*id))
    }

    fn roll_back(&self) -> Node {
        self.then(&Move::Pulls(Command::RollBack { reason: "so".into(), force: true }))
    }
}
