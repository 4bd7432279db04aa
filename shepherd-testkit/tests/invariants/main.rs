//! What must always hold, by name: each invariant of the design in a file of its own, as properties over random plans,
//! worlds, faults, kills and levers; and a search through everything that can happen to small plans.
//!
//! `PROPTEST_CASES=5000 cargo test --release -p shepherd-testkit --test invariants` looks longer.
#![allow(missing_docs)]
// The number at the head of each file is the invariant's, and no list's.
#![allow(clippy::doc_lazy_continuation, clippy::format_collect, clippy::struct_excessive_bools)]
#![allow(clippy::collapsible_match, clippy::decimal_bitwise_operands, clippy::single_match)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod eight_ends;
mod five_abort;
mod four_gates;
mod generate;
mod nine_supersede;
mod one_capacity;
mod search;
mod seven_fence;
mod six_resume;
mod ten_edited;
mod three_off;
mod trail;
mod two_order;

use proptest::test_runner::{Config, RngSeed};

/// So many cases unless `PROPTEST_CASES` says otherwise; ten times as many in release.
/// The usual cases are the same in every run, so that a change is judged by what it changed; whoever asks for a number
/// of cases by `PROPTEST_CASES` explores others.
fn cases(usual: u32) -> Config {
    let asked: Option<u32> = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let times = if cfg!(debug_assertions) { 1 } else { 10 };
    let rng_seed = if asked.is_some() { RngSeed::Random } else { RngSeed::Fixed(20_261_121) };
    Config { cases: asked.unwrap_or(usual * times), max_shrink_iters: 20_000, rng_seed, ..Config::default() }
}
