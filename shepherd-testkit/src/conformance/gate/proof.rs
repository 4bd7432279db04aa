//! The suite bites.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::model::{Epoch, RolloutId, Track, Verdict};
use shepherd_core::ports::{CheckContext, HealthGate, PortError};

use super::{GateFixture, Health};
use crate::conformance::proof::{self, Proof};
use crate::conformance::words::{revision, target};
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    PassesOnce,
    AlwaysPasses,
    SilencePasses,
    SilenceFails,
    Remembers,
    NoReason,
    CountsUsers,
    StuckAfterDrop,
    OneAtATime,
}

struct State {
    health: Health,
    remembered: Option<Verdict>,
    asked: u32,
    busy: bool,
}

#[derive(Clone)]
struct Gate {
    state: Arc<Mutex<State>>,
    fault: Option<Fault>,
}

struct Fixture(Gate);

fn fixture(fault: Option<Fault>) -> Fixture {
    let state = State { health: Health::Well, remembered: None, asked: 0, busy: false };
    Fixture(Gate { state: Arc::new(Mutex::new(state)), fault })
}

#[async_trait]
impl GateFixture for Fixture {
    type Gate = Gate;

    async fn open(&self) -> Opened<Gate> {
        Ok(self.0.clone())
    }

    async fn make(&self, health: Health) -> Opened<()> {
        self.0.with(|state| state.health = health);
        Ok(())
    }

    fn question(&self) -> CheckContext {
        let web = target(1);
        CheckContext::new(RolloutId::of(&web, Epoch::new(1)), web, Track::Candidate, revision(2))
    }

    async fn seen_by_users(&self) -> Opened<String> {
        let counts = self.0.fault == Some(Fault::CountsUsers);
        Ok(self.0.with(|state| if counts { state.asked.to_string() } else { String::new() }))
    }

    fn patience(&self) -> Patience {
        proof::little_patience()
    }
}

impl Gate {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn judge(&self, state: &mut State) -> Result<Verdict, PortError> {
        state.asked += 1;
        let reason = if self.fault == Some(Fault::NoReason) { " " } else { "it says so" };
        let health = if self.fault == Some(Fault::AlwaysPasses) { Health::Well } else { state.health };
        let verdict = match (health, self.fault) {
            (Health::Well, Some(Fault::PassesOnce)) if state.asked > 1 => {
                Verdict::Inconclusive(reason.into())
            }
            (Health::Well, _) | (Health::Unreachable, Some(Fault::SilencePasses)) => {
                Verdict::Pass(reason.into())
            }
            (Health::Ill, _) | (Health::Unreachable, Some(Fault::SilenceFails)) => {
                Verdict::Fail(reason.into())
            }
            (Health::Unreachable, _) => return Err(PortError::transient("proof", "no answer")),
        };
        let old = state.remembered.get_or_insert_with(|| verdict.clone());
        Ok(if self.fault == Some(Fault::Remembers) { old.clone() } else { verdict })
    }
}

#[async_trait]
impl HealthGate for Gate {
    async fn check(&self, _context: &CheckContext) -> Result<Verdict, PortError> {
        let locks = matches!(self.fault, Some(Fault::StuckAfterDrop | Fault::OneAtATime));
        if locks && self.with(|state| std::mem::replace(&mut state.busy, true)) {
            return Err(PortError::permanent("proof", "busy"));
        }
        let _freed = (self.fault == Some(Fault::OneAtATime)).then(|| Freed(self));
        tokio::task::yield_now().await;
        self.with(|state| {
            state.busy = false;
            self.judge(state)
        })
    }
}

/// Ends being busy also when the call is dropped.
struct Freed<'g>(&'g Gate);

impl Drop for Freed<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.busy = false);
    }
}

crate::gate_conformance!(|| fixture(None));

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("promises.rs")], super::PROMISES);
}

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (
        Fault::PassesOnce,
        &[
            "what_is_well_passes",
            "a_verdict_is_of_now",
            "a_dropped_question_can_be_asked_again",
            "several_may_ask_at_once",
        ],
    ),
    (
        Fault::AlwaysPasses,
        &["what_is_ill_fails", "what_cannot_be_asked_is_no_verdict", "a_verdict_is_of_now"],
    ),
    (Fault::SilencePasses, &["what_cannot_be_asked_is_no_verdict", "a_verdict_is_of_now"]),
    (Fault::SilenceFails, &["what_cannot_be_asked_is_no_verdict", "a_verdict_is_of_now"]),
    (Fault::Remembers, &["a_verdict_is_of_now"]),
    (Fault::NoReason, &["a_verdict_has_a_reason"]),
    (Fault::CountsUsers, &["asking_changes_nothing"]),
    (Fault::StuckAfterDrop, &["a_dropped_question_can_be_asked_again", "several_may_ask_at_once"]),
    (Fault::OneAtATime, &["several_may_ask_at_once"]),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        proof.case(fault, proof::names(&super::broken(|| fixture(Some(*fault))).await), promises);
    }
    proof.covers(super::PROMISES);
}
