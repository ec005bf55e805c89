//! What is measured, and what it answers.

use tierwall::Snapshot;
use tierwall::cluster::Cluster;
use tierwall::model::{Action, Direction, Flow, FlowContext, RuleId, Verdict};
use tierwall::reference;

/// Something that judges flows. Closures are engines, so measuring one more takes one line.
pub trait Engine {
    /// Judges one flow in both directions.
    fn evaluate(&self, flow: &Flow) -> Answer;
}

impl<F: Fn(&Flow) -> Answer> Engine for F {
    fn evaluate(&self, flow: &Flow) -> Answer {
        self(flow)
    }
}

/// A verdict with the rules behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Answer {
    /// What happens with the flow.
    pub action: Action,
    /// The rule or end of a tier that decided for the source.
    pub egress: Option<RuleId>,
    /// The rule or end of a tier that decided for the destination.
    pub ingress: Option<RuleId>,
}

impl Answer {
    /// A number that depends on all of the answer, so that no part of an evaluation can be optimised away.
    pub fn fingerprint(self) -> u64 {
        let number = |rule: Option<RuleId>| rule.map_or(0, |rule| u64::from(rule.get()));
        number(self.egress) ^ (number(self.ingress) << 31) ^ ((self.action as u64) << 62)
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        Answer {
            action: verdict.action(),
            egress: verdict.rule(Direction::Egress),
            ingress: verdict.rule(Direction::Ingress),
        }
    }
}

/// The compiled engine, on flows of which nothing else is known.
pub fn compiled(snapshot: &Snapshot) -> impl Engine + Sync {
    let context = FlowContext::default();
    move |flow: &Flow| snapshot.verdict(flow, &context).into()
}

/// The reference evaluator, on flows of which nothing else is known.
pub fn by_reference(cluster: &Cluster) -> impl Engine + Sync {
    let context = FlowContext::default();
    move |flow: &Flow| reference::evaluate(cluster, flow, &context).enforced.into()
}
