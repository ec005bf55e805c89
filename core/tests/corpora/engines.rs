//! The reference, and the compiled engine beside it: every question is asked of both, and they must answer alike.

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::OnceLock;
use tierwall::Snapshot;
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Evaluation, Flow, FlowContext, Point};
use tierwall::reference::{self, Judgement};

thread_local! {
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread asked the engines anything since it was last asked this.
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

    /// The evaluation of both: action, reasons, rules, flags, generation.
    pub(crate) fn evaluate(&self, flow: &Flow, context: &FlowContext) -> Result<Evaluation, String> {
        let evaluation = reference::evaluate(&self.cluster, flow, context);
        alike(self.snapshot().evaluate(flow, context), evaluation, flow)?;
        alike(self.snapshot().verdict(flow, context), evaluation.enforced, flow)?;
        Ok(evaluation)
    }

    /// The judgement of the reference, of which the compiled engine gives the action, the reason and the rule.
    pub(crate) fn judge(
        &self,
        point: Point,
        flow: &Flow,
        context: &FlowContext,
        scope: Scope,
    ) -> Result<Judgement, String> {
        let judgement = reference::judge(&self.cluster, point, flow, context, scope);
        let compiled = self.snapshot().judge(point, flow, context, scope);
        let (action, reason, rule) = (judgement.action, judgement.reason, judgement.rule);
        alike((compiled.action, compiled.reason, compiled.rule), (action, reason, rule), flow)?;
        Ok(judgement)
    }
}

fn alike<T: PartialEq + Debug>(compiled: T, reference: T, flow: &Flow) -> Result<(), String> {
    if compiled == reference {
        return Ok(());
    }
    Err(format!("the compiled engine differs on {flow:?}: {compiled:?}, but the reference: {reference:?}"))
}
