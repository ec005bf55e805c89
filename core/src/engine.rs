//! The snapshot in force, replaced whole while readers go on.

use crate::evaluate;
use crate::explanation::Explanation;
use crate::model::{Columns, Evaluation, Flow, FlowContext, Verdict};
use crate::snapshot::Snapshot;
use crate::tables::Tables;
use arc_swap::{ArcSwapOption, Cache};
use std::sync::{Arc, Mutex, PoisonError};

/// Holds the snapshot in force. One side publishes, any number of threads read; no reader waits for anybody,
/// or frees what was replaced.
///
/// Before the first snapshot is published, every flow is denied, as zeroed memory says it.
///
/// ```
/// use tierwall::{Engine, Snapshot, cluster::Cluster, model::*};
/// use std::net::IpAddr;
/// let engine = Engine::new();
/// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP);
/// let mut reader = engine.reader();
/// assert_eq!(reader.verdict(&flow, &FlowContext::default()), Verdict::default());
/// engine.publish(Snapshot::compile(&Cluster::new()));
/// assert!(reader.verdict(&flow, &FlowContext::default()).is_allowed());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Default)]
pub struct Engine {
    current: ArcSwapOption<Tables>,
    /// Snapshots that were in force and that somebody may still use. Only who publishes looks here.
    replaced: Mutex<Vec<Arc<Tables>>>,
}

impl Engine {
    /// An engine that denies.
    pub fn new() -> Self {
        Engine::default()
    }

    /// Puts a snapshot in force, in one step: a flow is judged by the one before or by this one. What was in force before
    /// is given back.
    ///
    /// The engine keeps what it replaces for as long as somebody uses it, so that a reader which goes on to the next
    /// snapshot never has to free one. What nobody uses any more is freed here, or by [`Engine::reclaim`].
    pub fn publish(&self, snapshot: Snapshot) -> Option<Snapshot> {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.current.swap(Some(snapshot.into()));
        replaced.extend(before.clone());
        free_unused(&mut replaced);
        before.map(Snapshot::from)
    }

    /// Frees the replaced snapshots that nobody uses any more, and says how many others are still held.
    ///
    /// Publishing does the same, so this is for an engine that is seldom published to. It never waits for readers, and
    /// takes time in proportion to the snapshots that it keeps and to the memory that it frees.
    ///
    /// ```
    /// use tierwall::{Engine, Snapshot, cluster::Cluster};
    /// let engine = Engine::new();
    /// engine.publish(Snapshot::compile(&Cluster::new()));
    /// let first = engine.publish(Snapshot::compile(&Cluster::new()));
    /// assert_eq!(engine.reclaim(), 1);
    /// drop(first);
    /// assert_eq!(engine.reclaim(), 0);
    /// ```
    pub fn reclaim(&self) -> usize {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        free_unused(&mut replaced);
        replaced.len()
    }

    /// The snapshot in force, to be used as long as one likes.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.current.load_full().map(Snapshot::from)
    }

    /// A reader, one for each thread: between publications it costs no more than the snapshot itself.
    pub fn reader(&self) -> Reader<'_> {
        Reader { tables: Cache::new(&self.current), snapshot: None }
    }

    /// The enforced verdict by the snapshot in force. In a loop, a [`Reader`] is faster.
    pub fn verdict(&self, flow: &Flow, context: &FlowContext) -> Verdict {
        self.current
            .load()
            .as_deref()
            .map_or(Verdict::default(), |tables| evaluate::verdict(tables, flow, context))
    }
}

/// Only the list itself holds these: they were replaced, so nobody can come to hold them again.
fn free_unused(replaced: &mut Vec<Arc<Tables>>) {
    replaced.retain(|tables| Arc::strong_count(tables) > 1);
}

/// Reads an [`Engine`]; it notices what is published between two calls.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    tables: Cache<&'a ArcSwapOption<Tables>, Option<Arc<Tables>>>,
    /// What [`Reader::snapshot`] gave last.
    snapshot: Option<Snapshot>,
}

impl Reader<'_> {
    /// The snapshot in force, for several calls that are to agree.
    pub fn snapshot(&mut self) -> Option<&Snapshot> {
        let tables = self.tables.load().as_ref();
        let known = self.snapshot.as_ref();
        if !tables.zip(known).is_some_and(|(tables, known)| known.is_of(tables)) {
            self.snapshot = tables.cloned().map(Snapshot::from);
        }
        self.snapshot.as_ref()
    }

    /// The enforced verdict, as [`Snapshot::verdict`] gives it.
    pub fn verdict(&mut self, flow: &Flow, context: &FlowContext) -> Verdict {
        self.snapshot().map_or(Verdict::default(), |snapshot| snapshot.verdict(flow, context))
    }

    /// Both verdicts, as [`Snapshot::evaluate`] gives them.
    pub fn evaluate(&mut self, flow: &Flow, context: &FlowContext) -> Evaluation {
        self.snapshot().map_or(Evaluation::default(), |snapshot| snapshot.evaluate(flow, context))
    }

    /// Both verdicts and how they come about, as [`Snapshot::explain`] gives them.
    pub fn explain(&mut self, flow: &Flow, context: &FlowContext) -> Explanation {
        self.snapshot().map_or_else(Explanation::default, |snapshot| snapshot.explain(flow, context))
    }

    /// The enforced verdicts of flows, all by one snapshot, as [`Snapshot::verdicts`] gives them.
    pub fn verdicts(&mut self, flows: &[Flow], verdicts: &mut [Verdict]) {
        match self.snapshot() {
            Some(snapshot) => snapshot.verdicts(flows, verdicts),
            None => verdicts.iter_mut().take(flows.len()).for_each(|verdict| *verdict = Verdict::default()),
        }
    }

    /// The same of flows that are given column by column.
    pub fn verdicts_of(&mut self, flows: &Columns<'_>, verdicts: &mut [Verdict]) {
        match self.snapshot() {
            Some(snapshot) => snapshot.verdicts_of(flows, verdicts),
            None => verdicts.iter_mut().take(flows.len()).for_each(|verdict| *verdict = Verdict::default()),
        }
    }
}
