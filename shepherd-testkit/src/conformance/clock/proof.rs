//! The suite bites.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use shepherd_core::model::{Elapsed, Now};
use shepherd_core::ports::{Clock, SystemClock};

use super::ClockFixture;
use crate::conformance::Opened;
use crate::conformance::proof::{self, Proof};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    GoesBack,
    WakesEarly,
    OneWakesAll,
    DroppedSleepsCount,
}

struct Watch {
    inner: SystemClock,
    asked: AtomicU64,
    sleeping: AtomicBool,
    fault: Option<Fault>,
}

struct Fixture(Option<Fault>);

#[async_trait]
impl ClockFixture for Fixture {
    type Clock = Watch;

    async fn open(&self) -> Opened<Watch> {
        let (asked, sleeping) = (AtomicU64::new(0), AtomicBool::new(false));
        Ok(Watch { inner: SystemClock::new(), asked, sleeping, fault: self.0 })
    }
}

#[async_trait]
impl Clock for Watch {
    fn now(&self) -> Now {
        let mut now = self.inner.now();
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        if self.fault == Some(Fault::GoesBack) && asked % 100 == 99 {
            now.elapsed = Elapsed::ZERO;
        } else if self.fault == Some(Fault::GoesBack) {
            now.elapsed = now.elapsed + Duration::from_millis(1);
        }
        now
    }

    async fn sleep(&self, duration: Duration) {
        let shared = self.sleeping.swap(true, Ordering::SeqCst);
        let early = match self.fault {
            Some(Fault::WakesEarly) => true,
            Some(Fault::OneWakesAll) => shared && duration == Duration::from_millis(20),
            Some(Fault::DroppedSleepsCount) => shared,
            _ => false,
        };
        if !early {
            self.inner.sleep(duration).await;
        }
        self.sleeping.store(false, Ordering::SeqCst);
    }
}

struct System;

#[async_trait]
impl ClockFixture for System {
    type Clock = SystemClock;

    async fn open(&self) -> Opened<SystemClock> {
        Ok(SystemClock::new())
    }
}

crate::clock_conformance!(|| Fixture(None));
crate::clock_conformance!(the_systems => || System);

#[test]
fn every_promise_is_in_the_suite() {
    proof::all_listed(&[include_str!("promises.rs")], super::PROMISES);
}

/// Each fault, and all promises that find it.
const CASES: &[(Fault, &[&str])] = &[
    (Fault::GoesBack, &["elapsed_never_goes_back"]),
    (
        Fault::WakesEarly,
        &["sleep_is_never_shorter_than_asked", "several_sleep_at_once", "a_dropped_sleep_shortens_no_other"],
    ),
    (Fault::OneWakesAll, &["several_sleep_at_once", "a_dropped_sleep_shortens_no_other"]),
    (Fault::DroppedSleepsCount, &["several_sleep_at_once", "a_dropped_sleep_shortens_no_other"]),
];

#[tokio::test(start_paused = true)]
async fn each_fault_is_found_by_the_names_of_its_promises() {
    let mut proof = Proof::default();
    for (fault, promises) in CASES {
        proof.case(fault, proof::names(&super::broken(|| Fixture(Some(*fault))).await), promises);
    }
    proof.covers(super::PROMISES);
}
