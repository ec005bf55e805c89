//! The snapshot in force, replaced whole while readers go on.

use crate::model::{Evaluation, Flow, FlowContext, Verdict};
use crate::snapshot::Snapshot;
use arc_swap::{ArcSwapOption, Cache};
use std::sync::Arc;

/// Holds the snapshot in force. One side publishes, any number of threads read; nobody waits for anybody.
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
    current: ArcSwapOption<Snapshot>,
}

impl Engine {
    /// An engine that denies.
    pub fn new() -> Self {
        Engine::default()
    }

    /// Puts a snapshot in force, in one step: a flow is judged by the one before or by this one. What was in force before
    /// is given back; readers that still use it keep it alive.
    pub fn publish(&self, snapshot: Snapshot) -> Option<Snapshot> {
        self.current.swap(Some(Arc::new(snapshot))).map(|old| Snapshot::clone(&old))
    }

    /// The snapshot in force, to be used as long as one likes.
    pub fn snapshot(&self) -> Option<Snapshot> {
        self.current.load().as_deref().cloned()
    }

    /// A reader, one for each thread: between publications it costs no more than the snapshot itself.
    pub fn reader(&self) -> Reader<'_> {
        Reader(Cache::new(&self.current))
    }

    /// The enforced verdict by the snapshot in force. In a loop, a [`Reader`] is faster.
    pub fn verdict(&self, flow: &Flow, context: &FlowContext) -> Verdict {
        self.current.load().as_deref().map_or(Verdict::default(), |snapshot| snapshot.verdict(flow, context))
    }
}

/// Reads an [`Engine`]; it notices what is published between two calls.
#[derive(Debug, Clone)]
pub struct Reader<'a>(Cache<&'a ArcSwapOption<Snapshot>, Option<Arc<Snapshot>>>);

impl Reader<'_> {
    /// The snapshot in force, for several calls that are to agree.
    pub fn snapshot(&mut self) -> Option<&Snapshot> {
        self.0.load().as_deref()
    }

    /// The enforced verdict, as [`Snapshot::verdict`] gives it.
    pub fn verdict(&mut self, flow: &Flow, context: &FlowContext) -> Verdict {
        self.snapshot().map_or(Verdict::default(), |snapshot| snapshot.verdict(flow, context))
    }

    /// Both verdicts, as [`Snapshot::evaluate`] gives them.
    pub fn evaluate(&mut self, flow: &Flow, context: &FlowContext) -> Evaluation {
        self.snapshot().map_or(Evaluation::default(), |snapshot| snapshot.evaluate(flow, context))
    }

    /// The enforced verdicts of flows, all by one snapshot, as [`Snapshot::verdicts`] gives them.
    pub fn verdicts(&mut self, flows: &[Flow], verdicts: &mut [Verdict]) {
        match self.snapshot() {
            Some(snapshot) => snapshot.verdicts(flows, verdicts),
            None => verdicts.iter_mut().zip(flows).for_each(|(verdict, _)| *verdict = Verdict::default()),
        }
    }
}
