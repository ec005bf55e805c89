//! What compiling a cluster takes, and what it comes to.

use crate::measure::{Plan, Spread, ms_of};
use serde::Serialize;
use std::fmt;
use tierwall::cluster::Cluster;
use tierwall::{Snapshot, Stats};

/// Compilations at most: they take longer than passes.
const COMPILATIONS: usize = 5;

/// A compilation of a cluster that is filled already.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compilation {
    /// The median of several compilations, in milliseconds.
    pub compile_ms: f64,
    /// The fastest of them.
    pub compile_min_ms: f64,
    /// The slowest of them.
    pub compile_max_ms: f64,
    /// Classes of addresses.
    pub classes: usize,
    /// What the tables take, in bytes.
    pub table_bytes: usize,
    /// The tables, and which form was chosen for what.
    #[serde(skip)]
    pub stats: Stats,
}

impl Compilation {
    pub(super) fn measure(cluster: &Cluster, plan: Plan) -> (Snapshot, Self) {
        let plan = Plan { passes: plan.passes.min(COMPILATIONS), pass_time: plan.pass_time * 4 };
        let Spread { min, median, max } = ms_of(|| Snapshot::compile(cluster), plan);
        let snapshot = Snapshot::compile(cluster);
        let stats = snapshot.stats();
        let compilation = Compilation {
            compile_ms: median,
            compile_min_ms: min,
            compile_max_ms: max,
            classes: stats.classes,
            table_bytes: snapshot.table_bytes(),
            stats,
        };
        (snapshot, compilation)
    }
}

impl fmt::Display for Compilation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Compilation { compile_ms, compile_min_ms, compile_max_ms, stats, .. } = self;
        writeln!(f, "  compiled in {compile_ms:.0} ms ({compile_min_ms:.0} to {compile_max_ms:.0}):")?;
        stats.to_string().lines().try_for_each(|line| writeln!(f, "    {line}"))
    }
}
