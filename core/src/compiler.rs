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
    state: Option<State>,
    /// The last changes that it holds.
    last: Changes,
}

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
                Ok(work) => return self.updated(state, work, before),
                Err(what) => whole = Whole::Change(what),
            }
        }
        let mut state = State::new(cluster, &self.options);
        state.link();
        let update = self.updated(state, Work::default(), 0);
        Update { whole: Some(whole), ..update }
    }

    fn updated(&mut self, mut state: State, work: Work, before: usize) -> Update {
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
        }
    }
}
