//! How long manifests take to load: reading, parsing, decoding, lowering, and the transaction.
//!
//! ```text
//! cargo run --release --example load_time -- PATH...
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tierwall::cluster::Cluster;
use tierwall::manifest::{LoadOptions, load_paths};

const RUNS: usize = 7;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        return Err("usage: load_time PATH...".into());
    }
    let mut times: Vec<Duration> = Vec::with_capacity(RUNS);
    let mut objects = 0;
    for _ in 0..RUNS {
        let mut cluster = Cluster::new();
        let start = Instant::now();
        let report = load_paths(&mut cluster, &paths, &LoadOptions::default())?;
        times.push(start.elapsed());
        objects = report.loaded.values().sum();
    }
    times.sort_unstable();
    if let [fastest, .., slowest] = times.as_slice() {
        let median = times.get(RUNS / 2).unwrap_or(fastest);
        println!("{objects} objects in {median:.1?} (median of {RUNS}; {fastest:.1?} to {slowest:.1?})");
    }
    Ok(())
}
