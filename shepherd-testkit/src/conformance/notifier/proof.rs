//! The suite bites.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use shepherd_core::machine::Happening;
use shepherd_core::ports::{Notice, Notifier, PortError};

use super::NotifierFixture;
use crate::conformance::proof::{self, Proof};
use crate::conformance::{Opened, Patience};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    TellsNobody,
    KnowsNotAll,
    RefusesTheSame,
    FailsInSilence,
    NeverRecovers,
    StuckAfterDrop,
    LosesOneOfTwo,
}

#[derive(Default)]
struct State {
    heard: Vec<Notice>,
    away: bool,
    failed: bool,
    busy: bool,
}

#[derive(Clone)]
struct Chat {
    state: Arc<Mutex<State>>,
    fault: Option<Fault>,
}

struct Fixture(Chat);

fn fixture(fault: Option<Fault>) -> Fixture {
    Fixture(Chat { state: Arc::default(), fault })
}

#[async_trait]
impl NotifierFixture for Fixture {
    type Notifier = Chat;

    async fn open(&self) -> Opened<Chat> {
        Ok(self.0.clone())
    }

    async fn heard(&self, notice: &Notice) -> Opened<bool> {
        Ok(self.0.with(|state| state.heard.contains(notice)))
    }

    async fn reachable(&self, reachable: bool) -> Opened<()> {
        self.0.with(|state| state.away = !reachable);
        Ok(())
    }

    fn patience(&self) -> Patience {
        proof::little_patience()
    }
}

impl Chat {
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, state: &mut State, notice: &Notice) -> Result<(), PortError> {
        let refused = || PortError::permanent("proof", "cannot");
        let unknown = self.is(Fault::KnowsNotAll) && notice.event.what == Happening::TakenOff;
        let same = self.is(Fault::RefusesTheSame) && state.heard.contains(notice);
        if unknown || same || (self.is(Fault::NeverRecovers) && state.failed) {
            return Err(refused());
        }
        if state.away {
            state.failed = true;
            return if self.is(Fault::FailsInSilence) { Ok(()) } else { Err(refused()) };
        }
        if !self.is(Fault::TellsNobody) {
            state.heard.push(notice.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl Notifier for Chat {
    async fn notify(&self, notice: &Notice) -> Result<(), PortError> {
        let busy = self.with(|state| std::mem::replace(&mut state.busy, true));
        if busy && self.is(Fault::StuckAfterDrop) {
            return Err(PortError::permanent("proof", "busy"));
        }
        let others = self.with(|state| state.heard.clone());
        tokio::task::yield_now().await;
        self.with(|state| {
            state.busy = false;
            if self.is(Fault::LosesOneOfTwo) {
                state.heard = others;
            }
            self.tell(state, notice)
        })
    }
}

crate::notifier_conformance!(|| fixture(None));

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("promises.rs")], super::PROMISES);
}

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (
        Fault::TellsNobody,
        &[
            "what_is_told_is_heard",
            "every_kind_of_event_can_be_told",
            "the_same_notice_may_be_told_again",
            "what_failed_can_be_told_later",
            "a_dropped_notice_can_be_told_again",
            "several_are_told_at_once",
        ],
    ),
    (Fault::KnowsNotAll, &["every_kind_of_event_can_be_told"]),
    (Fault::RefusesTheSame, &["the_same_notice_may_be_told_again", "a_dropped_notice_can_be_told_again"]),
    (Fault::FailsInSilence, &["what_cannot_be_told_is_an_error"]),
    (Fault::NeverRecovers, &["what_failed_can_be_told_later"]),
    (Fault::StuckAfterDrop, &["a_dropped_notice_can_be_told_again", "several_are_told_at_once"]),
    (Fault::LosesOneOfTwo, &["several_are_told_at_once"]),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        proof.case(fault, proof::names(&super::broken(|| fixture(Some(*fault))).await), promises);
    }
    proof.covers(super::PROMISES);
}
