//! A compiled cluster that follows its cluster.

use crate::cluster::Cluster;
use crate::compile::{self, CompileOptions};
use crate::snapshot::Snapshot;
use std::fmt;

/// Keeps the tables of a [`Cluster`] up to date: after a transaction it writes what that changed, and gives a new
/// [`Snapshot`] that shares all the rest with the one before.
///
/// ```
/// use tierwall::{Compiler, Engine, cluster::Cluster};
/// let mut cluster = Cluster::new();
/// let (engine, mut compiler) = (Engine::new(), Compiler::default());
/// let first = compiler.update(&mut cluster);
/// assert!(first.is_whole());
/// engine.publish(first.snapshot);
/// // ... transactions ...
/// engine.publish(compiler.update(&mut cluster).snapshot);
/// ```
#[derive(Debug, Default)]
pub struct Compiler {
    options: CompileOptions,
}

/// What an update led to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Update {
    /// The cluster as it is now.
    pub snapshot: Snapshot,
    /// Why everything was compiled, if it was.
    pub whole: Option<Whole>,
    /// Endpoints that were classified anew.
    pub endpoints: usize,
    /// Classes of addresses that are new.
    pub new_classes: usize,
    /// Classes whose lists of rules were found anew.
    pub classes: usize,
    /// Lists of narrow rules that were written.
    pub lists: usize,
    /// Bits of wide rules that were written.
    pub wide_rules: usize,
    /// Runs of addresses that became others.
    pub ranges: usize,
    /// What was written to tables, in bytes.
    pub bytes: usize,
}

/// Why a change was not worth, or not open to, an update of what it touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Whole {
    /// It is the first compilation, or the cluster does not know all that changed.
    First,
    /// Something changed on which most tables hang.
    Change(&'static str),
}

impl Compiler {
    /// A compiler that has not compiled anything.
    pub fn new(options: CompileOptions) -> Self {
        Compiler { options }
    }

    /// Compiles what changed since the last call, all of it as one step.
    ///
    /// It takes the cluster's [changes](Cluster::take_changes), and compiles everything if it cannot know them all: the
    /// first time, for another cluster than before, and if somebody else took some.
    pub fn update(&mut self, cluster: &mut Cluster) -> Update {
        cluster.take_changes();
        let snapshot = Snapshot::from(compile::compile(cluster, &self.options));
        let bytes = snapshot.table_bytes();
        Update {
            snapshot,
            whole: Some(Whole::First),
            endpoints: cluster.endpoints().count(),
            new_classes: 0,
            classes: 0,
            lists: 0,
            wide_rules: 0,
            ranges: 0,
            bytes,
        }
    }
}

impl Update {
    /// Everything was compiled.
    pub fn is_whole(&self) -> bool {
        self.whole.is_some()
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whole::First => f.write_str("there was nothing to go on from"),
            Whole::Change(what) => write!(f, "{what} changed"),
        }
    }
}
