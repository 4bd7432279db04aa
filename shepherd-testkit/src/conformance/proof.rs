//! What the proofs of all suites share.

use std::time::Duration;

use super::{Broken, Patience};

/// Faults of proofs never heal: waiting long for them is waste.
pub(super) fn little_patience() -> Patience {
    Patience::new(std::sync::Arc::new(shepherd_core::ports::SystemClock::new()), Duration::from_millis(40))
        .looking_every(Duration::from_millis(1))
}

pub(super) fn names(broken: &[Broken]) -> Vec<&'static str> {
    broken.iter().map(Broken::promise).collect()
}

/// Every promise function in these sources is in the suite's list, and knows its own name.
pub(super) fn all_listed(sources: &[&str], listed: &[&str]) {
    let mut written = Vec::new();
    for function in sources.iter().flat_map(|source| source.split("pub async fn ").skip(1)) {
        let name = function.split(['<', '(']).next().unwrap().trim();
        assert!(function.contains(&format!("\"{name}\"")), "{name} does not say its own name");
        written.push(name);
    }
    let sorted = |names: &[&str]| {
        let mut names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(sorted(&written), sorted(listed));
}

/// What the faults of one suite were found by.
#[derive(Default)]
pub(super) struct Proof {
    covered: Vec<&'static str>,
    wrong: Vec<String>,
}

impl Proof {
    /// A fault must be found by these promises and by no others.
    pub(super) fn case(&mut self, fault: &impl std::fmt::Debug, found: Vec<&'static str>, promises: &[&str]) {
        println!("P {fault:?} {found:?}");
        if found != promises {
            self.wrong.push(format!("{fault:?} is found by {found:?}, not by {promises:?}"));
        }
        self.covered.extend(found);
    }

    /// Every promise of the suite was broken by some fault.
    pub(super) fn covers(self, promises: &[&str]) {
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
        for promise in promises {
            assert!(self.covered.contains(promise), "nothing proves that {promise} bites");
        }
    }
}
