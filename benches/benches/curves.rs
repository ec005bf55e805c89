//! How the time for a flow grows with the number of policies.
//!
//! ```text
//! cargo bench -p tierwall-benches -- --quick
//! ```
#![allow(missing_docs, reason = "the macros of Criterion make functions without docs")]
#![allow(clippy::unwrap_used, reason = "nobody but the terminal is there to tell")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tierwall_benches::baseline::AppliedRules;
use tierwall_benches::engine::Engine;
use tierwall_benches::workload::{MultiTenant, Recipe, Skew, Suite, Workload, load};

const FLOWS: usize = 10_000;
const FLOWS_SEED: u64 = 7;
/// Policies of namespaces; there are a hundred others.
const POLICIES: [u32; 5] = [100, 300, 900, 2_900, 9_900];

fn over_policies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policies");
    group.throughput(Throughput::Elements(FLOWS as u64));
    for policies in POLICIES {
        let recipe = MultiTenant { app_policies: policies, ..MultiTenant::M };
        let Workload { objects, traffic } = recipe.generate(Suite::SEED);
        let cluster = load(objects);
        let count = cluster.policies().count();
        let flows = traffic.flows(FLOWS, Skew::Uniform, FLOWS_SEED);
        let applied_rules = AppliedRules::new(&cluster).unwrap();
        group.bench_function(BenchmarkId::new("l1", count), |bencher| {
            bencher.iter(|| {
                for flow in &flows {
                    black_box(applied_rules.evaluate(flow));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(curves, over_policies);
criterion_main!(curves);
