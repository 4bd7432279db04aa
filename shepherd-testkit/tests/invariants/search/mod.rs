//! Everything that can happen to small plans, to the end: from the start of each plan every move is followed until no
//! state is left that was not met, so that what is asserted holds on every path, however long. Nothing is cut off; what
//! is bounded is how often things go wrong on one path, by its [`Luck`].
//!
//! The machine is the real one and its own model. Beside it stands an outside that is no more than marks, exposures and
//! counts of replicas. Without luck being spent calls are answered in any order, replicas become ready or do not, and
//! time passes whenever nobody is called. Each unit of luck adds one thing that goes wrong, whenever it can.
//!
//! A search ends because states that can do nothing but the same are met once. What makes two states the same is said
//! where it is done, each with its reason: of the machine in `Essence` of shepherd-core, of the rest in `canonical`. It
//! is tested as well: a search that doubts looks at both of every two states that it takes for one, and compares what
//! can follow.
//!
//! What is not in it: guards, approvals and hooks; routers without fences, and such as take their time; calls that hang
//! while others are answered, but where luck is spent on slowness; and of the saves, those that are asked for only to
//! lose little. The properties over random plans have all of these.

mod canonical;
mod explore;
mod happens;
mod luck;
mod moves;
mod node;
mod outside;
mod plans;
mod scripts;
mod witness;

use shepherd_core::plan::Plan;

use explore::Explored;
use luck::Luck;

/// What is wrong: the number of the invariant, and what broke it.
type Wrong = String;

const NONE: Luck = Luck { failures: 0, late: 0, kills: 0, levers: 0, losses: 0, slow: 0 };

/// Each small plan by name.
fn plan(name: &str) -> Plan {
    match name {
        "split" => plans::split(1),
        "split of two" => plans::split(2),
        "switch" => plans::switch(),
        "ratio" => plans::ratio(),
        "in place" => plans::in_place(),
        _ => panic!("no plan is called {name}"),
    }
}

const ALL: [&str; 5] = ["switch", "in place", "ratio", "split", "split of two"];

/// Searches these plans to the end. Fewer states than this and the search has lost sight of something.
fn search(luck: Luck, least: &[(&str, usize)]) {
    for (name, least) in least {
        let explored = Explored::of(&plan(name), luck);
        println!("{name}, {luck}: {explored}");
        assert!(explored.states() >= *least, "{name}, {luck}: only {explored}");
        assert!(explored.promoted() > 0, "{name}, {luck}: nothing is ever promoted");
        let goes_wrong = luck.failures + luck.levers + luck.losses > 0;
        assert!(!goes_wrong || explored.taken_back() > 0, "{name}, {luck}: nothing is ever taken back");
    }
}

#[test]
fn nothing_goes_wrong() {
    search(NONE, &[("switch", 80), ("in place", 90), ("ratio", 200), ("split", 350), ("split of two", 800)]);
}

#[test]
fn a_call_takes_its_time() {
    let luck = Luck { slow: 1, ..NONE };
    let least =
        [("switch", 400), ("in place", 400), ("ratio", 1000), ("split", 2000), ("split of two", 4500)];
    search(luck, &least);
}

/// `SEARCH="kills=1 late=2 failures=1"` searches every plan, or the one of `SEARCH_PLAN`, as far as that goes.
#[test]
fn whatever_is_asked_for() {
    let Ok(asked) = std::env::var("SEARCH") else { return };
    let only = std::env::var("SEARCH_PLAN").ok();
    let names = ALL.into_iter().filter(|name| only.as_deref().is_none_or(|only| only == *name));
    search(asked.parse().unwrap(), &names.map(|name| (name, 1)).collect::<Vec<_>>());
}
