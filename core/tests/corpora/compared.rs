//! A cluster, of which everything is asked twice: of the reference and of the compiled engine.

use crate::engines;
use std::cell::Cell;
use std::sync::OnceLock;
use tierwall::Snapshot;
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Evaluation, Flow, FlowContext, Point};
use tierwall::reference::Judgement;

thread_local! {
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread asked both engines anything since it was last asked this.
pub(crate) fn were_asked() -> bool {
    ASKED.take()
}

/// A cluster that two engines answer for. It is compiled at the first question after a change.
pub(crate) struct Engines {
    cluster: Cluster,
    snapshot: OnceLock<Snapshot>,
}

impl Engines {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Engines { cluster, snapshot: OnceLock::new() }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The cluster, to be changed.
    pub(crate) fn change(&mut self) -> &mut Cluster {
        self.snapshot.take();
        &mut self.cluster
    }

    fn snapshot(&self) -> &Snapshot {
        ASKED.set(true);
        self.snapshot.get_or_init(|| Snapshot::compile(&self.cluster))
    }

    pub(crate) fn evaluate(&self, flow: &Flow, context: &FlowContext) -> Result<Evaluation, String> {
        engines::evaluate(&self.cluster, self.snapshot(), flow, context)
    }

    pub(crate) fn judge(
        &self,
        point: Point,
        flow: &Flow,
        context: &FlowContext,
        scope: Scope,
    ) -> Result<Judgement, String> {
        engines::judge(&self.cluster, self.snapshot(), point, flow, context, scope)
    }
}
