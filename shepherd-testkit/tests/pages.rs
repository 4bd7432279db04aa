//! What pages show is what is really printed, and what they quote is what is really compiled.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use shepherd_core::model::{GateName, Replicas, Revision, RouterCapabilities, Weight};
use shepherd_core::plan::{Approval, Change, Plan};
use shepherd_core::strategy::{AbTest, BlueGreen, Canary, Rolling, Strategy};

const PAGE: &str = include_str!("../../docs/strategies.md");

fn change() -> Change {
    Change::new("shop/web".parse().unwrap(), Revision::new("v1").unwrap(), Revision::new("v2").unwrap())
        .replicas(Replicas::new(4))
        .guard("error_rate > 5% for 2m".parse().unwrap())
}

fn shows(text: &str) {
    assert!(PAGE.contains(text.trim_end()), "docs/strategies.md does not show this:\n{text}");
}

fn is_shown(strategy: &dyn Strategy, change: &Change) {
    shows(&strategy.plan(change).unwrap().dry_run().to_string());
}

#[test]
fn rolling() {
    is_shown(&Rolling::new(), &change());
}

#[test]
fn blue_green() {
    let strategy = BlueGreen::new().smoke_check(GateName::new("smoke").unwrap());
    is_shown(
        &strategy.approved_by(Approval::of_anybody(1)),
        &change().router(RouterCapabilities::switching()),
    );
}

#[test]
fn canary() {
    is_shown(&Canary::default(), &change().router(RouterCapabilities::weighted()));
}

#[test]
fn canary_by_replicas() {
    is_shown(&Canary::weights([10, 50, 100]).unwrap(), &change());
}

#[test]
fn ab_test() {
    let beta = AbTest::by_header("x-beta", "1").or_cookie("beta", "yes").lasting(Duration::from_hours(1));
    is_shown(&beta, &change().router(RouterCapabilities::weighted().with_matches()));
}

#[test]
fn mistakes() {
    let change = change().router(RouterCapabilities::weighted());
    let hasty = Plan::builder(&change, "hasty").weight(Weight::percent(50).unwrap()).promote().build();
    shows(&hasty.unwrap_err().to_string());
}

#[test]
fn excerpts_are_of_the_whole() {
    let page = include_str!("../../docs/writing-an-adapter.md");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let blocks = |fence| page.split(fence).skip(1).filter_map(|rest: &str| rest.split("\n```").next());
    let whole: String = blocks("```rust\n").map(words).collect();
    for excerpt in blocks("```rs\n") {
        assert!(whole.contains(&words(excerpt)), "the whole program has no such part:\n{excerpt}");
    }
}

#[test]
fn the_test_of_your_own_is_the_one_that_is_run() {
    let (page, test) =
        (include_str!("../../docs/control-plane.md"), include_str!("../../examples/tests/deploy_bot.rs"));
    assert!(page.contains(&format!("```rs\n{test}```")), "docs/control-plane.md does not show this:\n{test}");
}
