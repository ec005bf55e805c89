//! Laws that hold for every cluster, policy and flow.
//!
//! `generate` makes whole clusters with policies of every kind, valid by construction, and flows between whatever is in
//! them or outside. Each other module is one law, or a few of one sort. `PROPTEST_CASES` sets how many cases each is
//! tried with.
#![cfg(feature = "yaml")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    reason = "a generator that is wrong should fail loudly, and helpers of tests are not tests to the lints"
)]

#[path = "laws/answer.rs"]
mod answer;
#[path = "../examples/tables/backend.rs"]
mod backend;
#[path = "engines/mod.rs"]
mod engines;
#[path = "laws/generate/mod.rs"]
mod generate;

#[path = "laws/calico_form.rs"]
mod calico_form;
#[path = "laws/change.rs"]
mod change;
#[path = "laws/columns.rs"]
mod columns;
#[path = "laws/compiled.rs"]
mod compiled;
#[path = "laws/corners.rs"]
mod corners;
#[path = "laws/ends.rs"]
mod ends;
#[path = "laws/equality/mod.rs"]
mod equality;
#[path = "laws/found.rs"]
mod found;
#[path = "laws/ids.rs"]
mod ids;
#[path = "laws/large.rs"]
mod large;
#[path = "laws/precise/mod.rs"]
mod precise;
#[path = "laws/print.rs"]
mod print;
#[path = "laws/reach.rs"]
mod reach;
#[path = "laws/sparse.rs"]
mod sparse;
#[path = "laws/story.rs"]
mod story;
#[path = "laws/trace.rs"]
mod trace;
#[path = "laws/undecided.rs"]
mod undecided;
#[path = "laws/updates/mod.rs"]
mod updates;

use proptest::test_runner::Config;

/// How a law is tried: with few cases, so that all of them together take seconds, unless more are asked for.
fn cases(few: u32) -> Config {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if asked { Config::default().cases } else { few };
    Config { cases, failure_persistence: None, ..Config::default() }
}
