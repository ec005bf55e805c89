//! Asks the reference and the compiled engine the same question; they must answer alike, and tell the same story.
#![allow(dead_code, clippy::panic, reason = "a target uses some of this, in its tests and their helpers")]

mod told;

use std::fmt::Debug;
use tierwall::Snapshot;
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{Evaluation, Flow, FlowContext, Point};
use tierwall::reference::{self, Judgement};

/// The evaluation of both: action, reasons, rules, flags, generation.
pub(crate) fn evaluate(
    cluster: &Cluster,
    snapshot: &Snapshot,
    flow: &Flow,
    context: &FlowContext,
) -> Result<Evaluation, String> {
    let evaluation = reference::evaluate(cluster, flow, context);
    alike(snapshot.evaluate(flow, context), evaluation, flow, context)?;
    alike(snapshot.verdict(flow, context), evaluation.enforced, flow, context)?;
    told::explanation(&snapshot.explain(flow, context), evaluation)
        .map_err(|difference| format!("on {flow:?} {context:?} {difference}"))?;
    Ok(evaluation)
}

/// The judgement of the reference, of which the compiled engine gives the action, the reason and the rule, and tells the
/// hits and logs.
pub(crate) fn judge(
    cluster: &Cluster,
    snapshot: &Snapshot,
    point: Point,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
) -> Result<Judgement, String> {
    let judgement = reference::judge(cluster, point, flow, context, scope);
    let compiled = snapshot.judge(point, flow, context, scope);
    let (action, reason, rule) = (judgement.action, judgement.reason, judgement.rule);
    alike((compiled.action, compiled.reason, compiled.rule), (action, reason, rule), flow, context)
        .and_then(|()| {
            told::judgement(cluster, &snapshot.explain_at(point, flow, context, scope), &judgement)
        })
        .map_err(|difference| format!("at {point:?} ({scope:?}) {difference}"))?;
    Ok(judgement)
}

fn alike<T: Copy + PartialEq + Debug>(
    compiled: T,
    reference: T,
    flow: &Flow,
    context: &FlowContext,
) -> Result<(), String> {
    if compiled == reference {
        return Ok(());
    }
    Err(format!(
        "the compiled engine differs on {flow:?} {context:?}:\n{compiled:?} is its answer, but\n{reference:?} is that of the reference"
    ))
}

/// [`evaluate`], of a cluster that is compiled for this one question.
pub(crate) fn evaluate_once(cluster: &Cluster, flow: &Flow, context: &FlowContext) -> Evaluation {
    evaluate(cluster, &Snapshot::compile(cluster), flow, context)
        .unwrap_or_else(|difference| panic!("{difference}"))
}

/// [`judge`], of a cluster that is compiled for this one question.
pub(crate) fn judge_once(
    cluster: &Cluster,
    point: Point,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
) -> Judgement {
    judge(cluster, &Snapshot::compile(cluster), point, flow, context, scope)
        .unwrap_or_else(|difference| panic!("{difference}"))
}
