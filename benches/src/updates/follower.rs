//! A cluster in force: what is edited takes effect at once.

use super::edits::Edit;
use std::time::{Duration, Instant};
use tierwall::cluster::Cluster;
use tierwall::{Compiler, Engine, Snapshot};

/// A cluster, and what its readers see of it.
#[derive(Debug)]
pub struct Follower<'c> {
    cluster: &'c mut Cluster,
    compiler: Compiler,
    engine: Engine,
}

/// How long one edit took until it was in force.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// All of it: the transaction, the update, the publication, and taking down what was in force before.
    pub all: Duration,
    /// The transaction.
    pub commit: Duration,
    /// The update.
    pub update: Duration,
    /// Everything was compiled.
    pub whole: bool,
}

impl<'c> Follower<'c> {
    /// Puts a cluster in force.
    pub fn new(cluster: &'c mut Cluster) -> Self {
        let (mut compiler, engine) = (Compiler::default(), Engine::new());
        engine.publish(compiler.update(cluster).snapshot);
        Follower { cluster, compiler, engine }
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        self.cluster
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.engine.snapshot()
    }

    /// What the writer keeps beside the tables, in bytes, as an estimate.
    pub fn writer_bytes(&self) -> usize {
        self.compiler.bytes()
    }

    /// What readers read, and the rest, which only the writer has.
    pub(super) fn split(&mut self) -> (&Engine, Writer<'_>) {
        let Follower { cluster, compiler, engine } = self;
        (engine, Writer { cluster, compiler, engine })
    }

    /// Puts an edit in force.
    pub fn follow(&mut self, edit: Edit) -> Times {
        self.split().1.follow(edit)
    }
}

/// The side of a [`Follower`] that writes.
pub(super) struct Writer<'f> {
    pub(super) cluster: &'f mut Cluster,
    compiler: &'f mut Compiler,
    engine: &'f Engine,
}

impl Writer<'_> {
    pub(super) fn follow(&mut self, edit: Edit) -> Times {
        let start = Instant::now();
        edit.apply(self.cluster);
        let committed = Instant::now();
        let update = self.compiler.update(self.cluster);
        let updated = Instant::now();
        let whole = update.is_whole();
        drop(self.engine.publish(update.snapshot));
        Times { all: start.elapsed(), commit: committed - start, update: updated - committed, whole }
    }
}
