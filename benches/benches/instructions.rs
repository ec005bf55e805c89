//! How many instructions evaluation and compilation take: the same on a busy machine as on a quiet one.
//!
//! ```text
//! cargo install gungraun-runner --version 0.20.0
//! cargo bench -p tierwall-benches --bench instructions
//! ```
//!
//! Needs Valgrind and, in the version of the crate `gungraun`, its runner. Without them this says so and measures nothing.
#![allow(missing_docs, reason = "the macros of Gungraun make functions without docs")]
#![allow(clippy::print_stderr, reason = "a bench target reports to the terminal")]

use std::env;
use std::process::{Command, Stdio};

mod counted {
    use gungraun::{library_benchmark, library_benchmark_group, main};
    use std::hint::black_box;
    use tierwall::Snapshot;
    use tierwall::cluster::Cluster;
    use tierwall::model::{Flow, FlowContext, Verdict};
    use tierwall_benches::workload::{M, S, Skew, Workload, load};

    const FLOWS_SEED: u64 = 7;

    struct Asked {
        snapshot: Snapshot,
        flows: Vec<Flow>,
        verdicts: Vec<Verdict>,
    }

    /// Suite M, with this many flows.
    fn suite_m(flows: usize) -> Asked {
        let Workload { objects, traffic } = M.workload();
        Asked {
            snapshot: Snapshot::compile(&load(objects)),
            flows: traffic.flows(flows, Skew::Uniform, FLOWS_SEED),
            verdicts: vec![Verdict::default(); flows],
        }
    }

    fn suite_s() -> Cluster {
        load(S.workload().objects)
    }

    #[library_benchmark]
    #[bench::of_1_flow(suite_m(1))]
    #[bench::of_1024_flows(suite_m(1_024))]
    fn one_by_one(mut asked: Asked) -> Asked {
        let context = FlowContext::default();
        for (flow, verdict) in asked.flows.iter().zip(&mut asked.verdicts) {
            *verdict = asked.snapshot.verdict(black_box(flow), &context);
        }
        // Returned, so that taking it down is not counted.
        black_box(asked)
    }

    #[library_benchmark]
    #[bench::of_1024_flows(suite_m(1_024))]
    fn in_a_batch(mut asked: Asked) -> Asked {
        asked.snapshot.verdicts(black_box(&asked.flows), &mut asked.verdicts);
        black_box(asked)
    }

    #[library_benchmark]
    #[bench::of_suite_s(suite_s())]
    fn compile(cluster: Cluster) -> (Cluster, Snapshot) {
        let snapshot = Snapshot::compile(black_box(&cluster));
        (cluster, black_box(snapshot))
    }

    library_benchmark_group!(name = verdicts, benchmarks = [one_by_one, in_a_batch]);
    library_benchmark_group!(name = compilation, benchmarks = compile);
    main!(library_benchmark_groups = [verdicts, compilation]);

    pub(super) fn run() {
        main();
    }
}

/// What is to be installed; none if it is there.
fn missing() -> Option<&'static str> {
    let runs = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let runner = option_env!("GUNGRAUN_RUNNER").unwrap_or("gungraun-runner");
    match () {
        () if !runs("valgrind") => Some("Valgrind"),
        () if !runs(runner) => Some("`gungraun-runner` (cargo install gungraun-runner --version 0.20.0)"),
        () => None,
    }
}

fn main() {
    // The runner calls this program again, within Valgrind and without an environment.
    let within = env::args().nth(1).is_some_and(|argument| argument == "--gungraun-run");
    match missing().filter(|_| !within) {
        Some(what) => eprintln!("instructions: skipped, as {what} is not installed"),
        None => counted::run(),
    }
}
