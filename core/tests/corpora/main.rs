//! Runs third-party case files against the engine, where they are at hand.
//!
//! The cases are looked for in the folder that the environment variable `TIERWALL_CORPORA` names, or else in
//! `shared/corpora` beside the workspace. Arguments choose corpora by name: `cargo test --test corpora -- k8s-random`.
//! Every corpus gives one line, `NAME: P passed, F failed, X excluded`, after the details of its first failures. Whatever
//! a case asks of the reference is asked of the compiled engine too: a case fails if they differ. The run fails if a case
//! fails, if an exclusion gives no reason, or if more than 2 % of a corpus are excluded.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for the terminal, in which a malformed corpus should fail loudly"
)]

mod calico_calc_states;
mod calico_checker;
mod calico_k8s_conversion;
mod calico_polprog;
mod calico_random;
mod calico_rule;
mod calico_selectors;
mod calico_validators;
mod compared;
mod connection_list;
mod cyclonus;
mod kube_network_policies;
mod netpol_analyzer;
mod policy_scenarios;
mod real_world;
mod scale_k8s;
mod scenario;
mod support;

#[path = "../engines/mod.rs"]
mod engines;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use support::Outcome;

/// A corpus: its name, which is that of its folder, and what runs the case files of a folder.
type Corpus = (&'static str, fn(&Path) -> Outcome);

const CORPORA: &[Corpus] = &[
    ("k8s-e2e-netpol", policy_scenarios::k8s_e2e_netpol),
    ("npapi-conformance", policy_scenarios::npapi_conformance),
    ("policy-assistant", policy_scenarios::policy_assistant),
    ("kube-network-policies", kube_network_policies::run),
    ("k8s-random", policy_scenarios::k8s_random),
    ("scale-k8s", scale_k8s::run),
    ("netpol-analyzer", netpol_analyzer::run),
    ("cyclonus", cyclonus::run),
    ("real-world", real_world::run),
    ("calico-selectors", calico_selectors::run),
    ("calico-polprog", calico_polprog::run),
    ("calico-checker", calico_checker::run),
    ("calico-validators", calico_validators::run),
    ("calico-k8s-conversion", calico_k8s_conversion::run),
    ("calico-calc-states", calico_calc_states::run),
    ("calico-random", calico_random::run),
];

const SHOWN_FAILURES: usize = 10;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let root = root();
    if !root.is_dir() {
        println!("corpora skipped: {} is not a folder; set TIERWALL_CORPORA", root.display());
        return ExitCode::SUCCESS;
    }
    let (mut total, mut sound) = (Outcome::default(), true);
    for (name, run) in chosen() {
        let folder = root.join(name);
        if !folder.is_dir() {
            println!("{name}: skipped, {} is not a folder", folder.display());
            continue;
        }
        let outcome = run(&folder);
        sound &= report(name, &outcome);
        total.append(outcome);
    }
    println!("{} asked both engines; all others ask for no verdict", total.compared);
    println!("{} passed, {} failed", total.passed, total.failures.len());
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where the corpora are.
fn root() -> PathBuf {
    std::env::var_os("TIERWALL_CORPORA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")),
        PathBuf::from,
    )
}

/// The corpora that the arguments name, or all of them. Options, which are for the standard harness, are ignored.
fn chosen() -> Vec<&'static Corpus> {
    let names: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    CORPORA.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect()
}

/// Prints what became of a corpus. True if nothing failed and the exclusions are in order.
fn report(name: &str, outcome: &Outcome) -> bool {
    for failure in outcome.failures.iter().take(SHOWN_FAILURES) {
        println!("  {name}/{failure}");
    }
    for (reason, cases) in outcome.excluded_by_reason() {
        println!("  {name}: {} excluded: {reason}: {}", cases.len(), cases.join("; "));
    }
    let (failed, excluded) = (outcome.failures.len(), outcome.excluded.len());
    if outcome.passed + failed + excluded == 0 {
        println!("{name}: skipped, its folder holds no cases");
        return true;
    }
    println!("{name}: {} passed, {failed} failed, {excluded} excluded", outcome.passed);
    if outcome.compared > 0 {
        println!("  {name}: {} asked both engines", outcome.compared);
    }
    for (reason, count) in &outcome.uncounted {
        println!("  {name}: {count} more do not count: {reason}");
    }
    let too_many = excluded * 50 > outcome.passed + failed + excluded;
    if too_many {
        println!("  {name}: more than 2 % are excluded");
    }
    let unreasoned = outcome.excluded.iter().any(|(_, reason)| reason.trim().is_empty());
    if unreasoned {
        println!("  {name}: an exclusion gives no reason");
    }
    failed == 0 && !too_many && !unreasoned
}
