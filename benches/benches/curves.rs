//! How the time for a flow, and that for compiling, grow with the number of policies.
//!
//! ```text
//! cargo bench -p tierwall-benches --bench curves -- --quick
//! ```
#![allow(missing_docs, reason = "the macros of Criterion make functions without docs")]
#![allow(clippy::unwrap_used, reason = "nobody but the terminal is there to tell")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tierwall::Snapshot;
use tierwall::model::{Flow, Verdict};
use tierwall_benches::baseline::AppliedRules;
use tierwall_benches::engine::{Engine, compiled};
use tierwall_benches::workload::{MultiTenant, Recipe, Skew, Suite, Workload, load};

const FLOWS: usize = 10_000;
const FLOWS_SEED: u64 = 7;
const BATCH: usize = 1_024;
/// Policies of namespaces; there are a hundred others.
const POLICIES: [u32; 5] = [100, 300, 900, 2_900, 9_900];

/// Suite M with another number of policies.
fn workload(policies: u32) -> Workload {
    MultiTenant { app_policies: policies, ..MultiTenant::M }.generate(Suite::SEED)
}

fn evaluating(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("flows");
    group.throughput(Throughput::Elements(FLOWS as u64));
    for policies in POLICIES {
        let Workload { objects, traffic } = workload(policies);
        let cluster = load(objects);
        let count = cluster.policies().count();
        let flows = traffic.flows(FLOWS, Skew::Uniform, FLOWS_SEED);
        let applied_rules = AppliedRules::new(&cluster).unwrap();
        let snapshot = Snapshot::compile(&cluster);
        let compiled = compiled(&snapshot);
        group.bench_function(BenchmarkId::new("l1", count), |bencher| {
            bencher.iter(|| one_by_one(&applied_rules, &flows));
        });
        group.bench_function(BenchmarkId::new("compiled", count), |bencher| {
            bencher.iter(|| one_by_one(&compiled, &flows));
        });
        let mut verdicts = [Verdict::default(); BATCH];
        group.bench_function(BenchmarkId::new("compiled_batch", count), |bencher| {
            bencher.iter(|| {
                for flows in flows.chunks(BATCH) {
                    snapshot.verdicts(flows, &mut verdicts);
                    black_box(&verdicts);
                }
            });
        });
    }
    group.finish();
}

fn one_by_one(engine: &impl Engine, flows: &[Flow]) {
    for flow in flows {
        black_box(engine.evaluate(flow));
    }
}

fn compiling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    for policies in POLICIES {
        let cluster = load(workload(policies).objects);
        let count = cluster.policies().count();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter_with_large_drop(|| Snapshot::compile(&cluster));
        });
    }
    group.finish();
}

criterion_group!(curves, evaluating, compiling);
criterion_main!(curves);
