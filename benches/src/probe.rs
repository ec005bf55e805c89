//! What the machine can do at the moment, so that reports of different hours and machines can be compared.

use crate::engine::Answer;
use crate::measure::{Plan, Spread, two_thread_speedup};
use crate::workload::rng::{Rng, index};
use serde::Serialize;
use std::fs;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use tierwall::model::{Flow, Protocol};

/// The machine, and how busy it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// The operating system and the architecture.
    pub platform: String,
    /// The model of the processor; empty where the system does not tell.
    pub cpu: String,
    /// Processors available to this process.
    pub cpus: usize,
    /// How long a read takes that depends on the one before.
    pub memory: Vec<Latency>,
    /// How many times faster two threads compute than one: no engine can gain more. About 1 if other work takes the rest.
    pub two_thread_speedup: f64,
    /// The load averages over 1, 5 and 15 minutes before the measurements; none where the system does not tell.
    pub load_before: Option<[f64; 3]>,
    /// The same after them.
    pub load_after: Option<[f64; 3]>,
}

/// The latency of memory for one size of working set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// The size of what is read, in KiB.
    pub kib: u32,
    /// The time of a read: the median of several passes.
    pub read_ns: f64,
}

/// From the first-level cache to main memory.
const WORKING_SETS_KIB: [u32; 4] = [16, 512, 8 * 1024, 64 * 1024];
const LINES_PER_KIB: u32 = 16;
const READS: usize = 1 << 18;
const PASSES: usize = 9;
const STEPS: usize = 1 << 10;
const CALLS: usize = 1 << 14;

impl Machine {
    /// Measures the machine. Takes about a second.
    pub fn probe() -> Self {
        let memory = WORKING_SETS_KIB.map(|kib| Latency { kib, read_ns: latency(kib).median });
        Machine {
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpu: cpu().unwrap_or_default(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory.into(),
            two_thread_speedup: threads(),
            load_before: load_average(),
            load_after: None,
        }
    }
}

/// The speed-up of threads that share nothing, not even a cache line.
fn threads() -> f64 {
    let compute = |_: &Flow| {
        let mut rng = Rng::new(black_box(1));
        black_box((0..STEPS).fold(0, |sum, _| rng.next() ^ sum));
        Answer::default()
    };
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let calls = vec![Flow::new(nowhere, nowhere, Protocol::TCP); CALLS];
    let plan = Plan { passes: PASSES, pass_time: Duration::from_millis(20) };
    two_thread_speedup(&compute, &calls, plan).median
}

/// Follows a random cycle through the working set, one cache line for each step.
fn latency(kib: u32) -> Spread {
    let lines = cycle(kib * LINES_PER_KIB);
    let mut at = 0;
    Spread::of((0..PASSES).map(|_| {
        let start = Instant::now();
        for _ in 0..READS {
            at = lines.get(at).map_or(0, |line| line.next);
        }
        black_box(at);
        start.elapsed().as_secs_f64() * 1e9 / READS as f64
    }))
}

#[derive(Clone)]
#[repr(align(64))]
struct Line {
    next: usize,
}

/// One cycle through `count` lines (Sattolo), so that no read can be guessed and none comes twice in a round.
fn cycle(count: u32) -> Vec<Line> {
    let mut lines: Vec<Line> = (0..index(count)).map(|next| Line { next }).collect();
    let mut rng = Rng::new(1);
    for last in (1..count).rev() {
        lines.swap(index(last), index(rng.below(last)));
    }
    lines
}

/// The load averages over 1, 5 and 15 minutes.
pub fn load_average() -> Option<[f64; 3]> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?])
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cycle_visits_every_line() {
        let lines = cycle(1_000);
        let mut at = 0;
        let mut visited = vec![false; lines.len()];
        for _ in 0..lines.len() {
            visited[at] = true;
            at = lines[at].next;
        }
        assert_eq!(at, 0);
        assert!(visited.into_iter().all(|visited| visited));
    }
}
