//! A compiled cluster that follows its cluster.

use crate::cluster::{Changes, Cluster};
use crate::compile::{CompileOptions, State, Work};
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
/// let next = compiler.update(&mut cluster);
/// assert!(!next.is_whole());
/// engine.publish(next.snapshot);
/// ```
#[derive(Debug, Default)]
pub struct Compiler {
    options: CompileOptions,
    /// Moved about with every update, so that it had better be small.
    state: Option<Box<State>>,
    /// The last changes that it holds.
    last: Changes,
    /// What the tables took when everything was compiled, in bytes.
    compiled: usize,
}

/// Tables that grew to so many times what they were are compiled anew.
const MOST_GROWTH: usize = 4;
/// Less is never worth it, in bytes.
const LEAST_GROWTH: usize = 64 << 20;

/// What an update led to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Update {
    /// The cluster as it is now.
    pub snapshot: Snapshot,
    /// Why everything was compiled, if it was. The numbers below are those of updates; they are 0 then.
    pub whole: Option<Whole>,
    /// Endpoints that were looked at again.
    pub endpoints: usize,
    /// Classes of addresses that are new.
    pub new_classes: usize,
    /// Classes that were written.
    pub classes: usize,
    /// Lists of narrow rules that were written.
    pub lists: usize,
    /// Bits of wide rules that were written.
    pub wide_rules: usize,
    /// Runs of addresses that became others.
    pub ranges: usize,
    /// What was written to tables, in bytes: all of them, if everything was compiled.
    pub bytes: usize,
}

/// Why everything was compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Whole {
    /// It is the first compilation, or the cluster does not know all that changed.
    First,
    /// Something changed on which most tables hang; what that is, is for people to read.
    Change(&'static str),
    /// What was replaced by updates took several times what is in use. [`Compiler::maintain`] is there to prevent it.
    Upkeep,
}

impl Compiler {
    /// A compiler that has not compiled anything.
    pub fn new(options: CompileOptions) -> Self {
        Compiler { options, ..Compiler::default() }
    }

    /// Compiles what changed since the last call, all of it as one step.
    ///
    /// It takes the cluster's [changes](Cluster::take_changes), and compiles everything if it cannot know them all: the
    /// first time, for another cluster than before, and if somebody else took some. It also does so for changes on which
    /// most tables hang, such as another order of tiers; [`Update::whole`] says which.
    pub fn update(&mut self, cluster: &mut Cluster) -> Update {
        let changes = cluster.take_changes();
        let mut whole = Whole::First;
        let follow = changes.follow(&self.last);
        self.last = changes;
        if let Some(mut state) = self.state.take().filter(|_| follow) {
            let before = state.tables.bytes();
            match state.update(cluster, &self.last) {
                Ok(_) if before > LEAST_GROWTH.max(MOST_GROWTH * self.compiled) => whole = Whole::Upkeep,
                Ok(work) => return self.updated(state, work, before),
                Err(what) => whole = Whole::Change(what),
            }
        }
        self.compile(cluster, whole)
    }

    fn compile(&mut self, cluster: &Cluster, whole: Whole) -> Update {
        let mut state = Box::new(State::new(cluster, &self.options));
        state.link(cluster);
        let update = self.updated(state, Work::default(), 0);
        self.compiled = update.bytes;
        Update { whole: Some(whole), ..update }
    }

    /// Upkeep, for whenever there is time: what is in use leaves behind what updates replaced, so that its memory is freed
    /// with the last snapshot that uses it. Call it until it gives nothing; what it gives answers as before, and is to be
    /// published in place of that.
    ///
    /// It writes no more than `budget` bytes to tables, and gives nothing if that does not suffice for the next step: moving
    /// the tables of single records once a quarter of them is in vain, or compiling everything once the tables are half as
    /// large again as they were. The latter needs the cluster as it was at the last update, and is left out if transactions
    /// came since.
    ///
    /// ```
    /// use tierwall::{Compiler, cluster::Cluster};
    /// let (mut cluster, mut compiler) = (Cluster::new(), Compiler::default());
    /// compiler.update(&mut cluster);
    /// assert!(compiler.maintain(&cluster, usize::MAX).is_none());
    /// ```
    pub fn maintain(&mut self, cluster: &Cluster, budget: usize) -> Option<Update> {
        let tables = &self.state.as_ref()?.tables;
        let (bytes, garbage) = (tables.bytes(), tables.garbage());
        let is_current = tables.generation == cluster.generation();
        if bytes > self.compiled + self.compiled / 2 + garbage && is_current {
            return (self.compiled <= budget).then(|| self.compile(cluster, Whole::Upkeep));
        }
        if garbage < bytes / 4 || bytes - garbage > budget {
            return None;
        }
        let mut state = self.state.take()?;
        state.tables.compact();
        let moved = state.tables.bytes();
        let update = self.updated(state, Work::default(), 0);
        Some(Update { bytes: moved, ..update })
    }

    /// What is kept beside the tables to update them, in bytes, as an estimate that leaves out names and texts. Linear in
    /// what there is.
    pub fn bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.bytes())
    }

    fn updated(&mut self, mut state: Box<State>, work: Work, before: usize) -> Update {
        state.tables.seal();
        let update = Update {
            bytes: state.tables.bytes().saturating_sub(before),
            snapshot: state.tables.clone().into(),
            whole: None,
            endpoints: work.endpoints,
            new_classes: work.new_classes,
            classes: work.classes,
            lists: work.lists,
            wide_rules: work.wide_rules,
            ranges: work.ranges,
        };
        self.state = Some(state);
        update
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
            Whole::Change(what) => write!(f, "there is a change of {what}"),
            Whole::Upkeep => f.write_str("most of the tables had been replaced"),
        }
    }
}
