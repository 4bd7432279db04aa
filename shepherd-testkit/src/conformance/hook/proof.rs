//! The suite bites.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::machine::EffectId;
use shepherd_core::ports::{Hook, HookContext, PortError};

use super::HookFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    DoesNothing,
    RunsTwice,
    RunsOnceForAll,
    FailsInSilence,
    RemembersFailure,
    NotesBeforeItRuns,
}

#[derive(Default)]
struct State {
    held: BTreeMap<EffectId, usize>,
    noted: Vec<EffectId>,
    broken: bool,
    failed: bool,
}

#[derive(Clone)]
struct Flag {
    state: Arc<Mutex<State>>,
    fault: Option<Fault>,
}

struct Fixture(Flag);

fn fixture(fault: Option<Fault>) -> Fixture {
    Fixture(Flag { state: Arc::default(), fault })
}

#[async_trait]
impl HookFixture for Fixture {
    type Hook = Flag;

    async fn open(&self) -> Opened<Flag> {
        Ok(self.0.clone())
    }

    async fn took_hold(&self, id: EffectId) -> Opened<usize> {
        Ok(self.0.with(|state| state.held.get(&id).copied().unwrap_or(0)))
    }

    async fn works(&self, works: bool) -> Opened<()> {
        self.0.with(|state| state.broken = !works);
        Ok(())
    }

    fn patience(&self) -> Patience {
        proof::little_patience()
    }
}

impl Flag {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn hold(&self, state: &mut State, id: EffectId) -> Result<(), PortError> {
        let failed = || PortError::permanent("proof", "broken");
        if self.is(Fault::RemembersFailure) && state.failed {
            return Err(failed());
        }
        if state.broken {
            state.failed = true;
            return if self.is(Fault::FailsInSilence) { Ok(()) } else { Err(failed()) };
        }
        let had = state.held.contains_key(&id) && !self.is(Fault::RunsTwice);
        let skips = self.is(Fault::DoesNothing) || (self.is(Fault::RunsOnceForAll) && !state.held.is_empty());
        if !had && !skips {
            *state.held.entry(id).or_default() += 1;
        }
        Ok(())
    }
}

#[async_trait]
impl Hook for Flag {
    async fn run(&self, context: &HookContext) -> Result<(), PortError> {
        if self.is(Fault::NotesBeforeItRuns) && self.with(|state| !state.broken) {
            if self.with(|state| state.noted.contains(&context.id)) {
                return Ok(());
            }
            self.with(|state| state.noted.push(context.id));
        }
        tokio::task::yield_now().await;
        self.with(|state| self.hold(state, context.id))
    }
}

crate::hook_conformance!(|| fixture(None));

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("promises.rs")], super::PROMISES);
}

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (
        Fault::DoesNothing,
        &[
            "a_run_takes_hold",
            "the_same_run_again_takes_hold_once",
            "another_run_takes_hold_too",
            "a_run_that_failed_can_be_run_again",
            "a_dropped_run_is_completed_by_the_same_run",
        ],
    ),
    (Fault::RunsTwice, &["the_same_run_again_takes_hold_once", "a_dropped_run_is_completed_by_the_same_run"]),
    (Fault::RunsOnceForAll, &["another_run_takes_hold_too", "a_dropped_run_is_completed_by_the_same_run"]),
    (Fault::FailsInSilence, &["a_run_that_fails_is_an_error"]),
    (Fault::RemembersFailure, &["a_run_that_failed_can_be_run_again"]),
    (Fault::NotesBeforeItRuns, &["a_dropped_run_is_completed_by_the_same_run"]),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        proof.case(fault, proof::names(&super::broken(|| fixture(Some(*fault))).await), promises);
    }
    proof.covers(super::PROMISES);
}
