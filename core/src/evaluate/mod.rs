//! From a flow to its verdict, on the compiled tables.
//!
//! There are two forms, of which one is fast and the other complete.
//!
//! * `fast`: flows between workloads and the outside, by classes and atoms; it says if it cannot tell.
//! * `batch`: many flows at once, so that one's memory is on its way while another's is read.
//! * `party`: the two ends of a flow, and what holds for them.
//! * `matching`: one rule; `paths`: the paths of HTTP requests.
//! * `walk`: tiers, policies, profiles.
//! * `judge`: one endpoint in one direction, with the phases of host endpoints.
//! * `connection`: both ends, and what lies between them.
//!
//! It shares no code with the reference evaluator, to which it is held equal.

mod batch;
mod connection;
mod fast;
mod host;
mod judge;
mod matching;
mod outcome;
mod party;
mod paths;
mod walk;

use crate::cluster::Scope;
use crate::model::{Action, Columns, Evaluation, Flow, FlowContext, Point, Reason, Role, RuleId, Verdict};
use crate::tables::{EndpointRecord, Lanes, Tables, Task, run};
use batch::{Batch, Flows, TOGETHER};

/// What one endpoint says of a flow in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Allow, deny, or undecided.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, or the end of a tier.
    pub rule: Option<RuleId>,
}

/// What the policies of one endpoint say of a flow in one direction.
pub(crate) fn judge(
    tables: &Tables,
    point: Point,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
) -> Judged {
    let flow = party::settle(tables, flow);
    let view = party::FlowView::new(tables, &flow, context);
    let mut notes = walk::Notes::default();
    let outcome = match tables.endpoints.get(point.endpoint.get()) {
        None => outcome::Outcome::deny(Reason::UnknownEndpoint),
        Some(record) if record.subject == EndpointRecord::ELSEWHERE => {
            outcome::Outcome::deny(Reason::NotEvaluated)
        }
        Some(record) => {
            let judge = judge::Judge { tables, record, direction: point.direction, scope };
            match point.role {
                _ if !record.is(EndpointRecord::HOST) => judge.workload(&view, &mut notes),
                Role::Own => judge.host(&view, &mut notes).outcome(),
                Role::Forwarded => judge.forwarded(&view, &mut notes),
                Role::PreDnatOnly => judge.pre_dnat_only(&view, &mut notes),
            }
        }
    };
    let (action, reason, rule) = outcome.decide();
    Judged { action, reason, rule }
}

/// The enforced verdict of a flow.
pub(crate) fn verdict(tables: &Tables, flow: &Flow, context: &FlowContext) -> Verdict {
    if tables.pending.is_some() {
        return evaluate(tables, flow, context).enforced;
    }
    in_scope(tables, flow, context, Scope::Enforced)
}

/// The verdict of a flow, enforced and pending. Without staged policies too they may differ: in the policy to which the
/// end of a tier is attributed.
pub(crate) fn evaluate(tables: &Tables, flow: &Flow, context: &FlowContext) -> Evaluation {
    let enforced = in_scope(tables, flow, context, Scope::Enforced);
    let pending = in_scope(tables, flow, context, Scope::Pending);
    let differs = enforced.action() != pending.action();
    Evaluation {
        enforced: enforced.with_flag(Verdict::STAGED_DIFFERS, differs),
        pending: pending.with_flag(Verdict::STAGED_DIFFERS, differs),
    }
}

/// The enforced verdicts of flows without context, one after the other in `verdicts`; as many as the shorter holds.
pub(crate) fn verdicts(tables: &Tables, flows: &[Flow], verdicts: &mut [Verdict]) {
    all(tables, flows, verdicts);
}

/// The same of columns.
pub(crate) fn verdicts_of(tables: &Tables, flows: Columns<'_>, verdicts: &mut [Verdict]) {
    all(tables, flows, verdicts);
}

fn all(tables: &Tables, flows: impl Flows, verdicts: &mut [Verdict]) {
    let context = FlowContext::default();
    let context = &context;
    let slowly = |scope| move |flow: &Flow| connection::verdict(tables, flow, context, scope);
    let starts = (0..flows.len()).step_by(TOGETHER);
    for (start, verdicts) in starts.zip(verdicts.chunks_mut(TOGETHER)) {
        let flows = flows.part(start, TOGETHER);
        let slowly_enforced = slowly(Scope::Enforced);
        run(Batch { tables, program: &tables.enforced, flows, verdicts, slowly: slowly_enforced });
        let Some(program) = &tables.pending else { continue };
        let mut pending = [Verdict::default(); TOGETHER];
        let slowly_pending = slowly(Scope::Pending);
        run(Batch { tables, program, flows, verdicts: &mut pending, slowly: slowly_pending });
        for (verdict, pending) in verdicts.iter_mut().zip(pending).take(flows.len()) {
            *verdict = verdict.with_flag(Verdict::STAGED_DIFFERS, verdict.action() != pending.action());
        }
    }
}

/// The verdict of a flow in one scope.
fn in_scope(tables: &Tables, flow: &Flow, context: &FlowContext, scope: Scope) -> Verdict {
    run(Asked { tables, flow, context, scope })
}

struct Asked<'a> {
    tables: &'a Tables,
    flow: &'a Flow,
    context: &'a FlowContext,
    scope: Scope,
}

impl Task for Asked<'_> {
    type Output = Verdict;

    /// By the fast form if it can say.
    #[inline(always)]
    fn run(self, lanes: impl Lanes) -> Verdict {
        let Asked { tables, flow, context, scope } = self;
        let program = match scope {
            Scope::Enforced => Some(&tables.enforced),
            Scope::Pending => tables.pending.as_ref(),
        };
        // A closure would not be compiled for what the processor can do.
        if let Some(program) = program
            && context.is_plain()
            && let Some(verdict) = fast::verdict(lanes, tables, program, flow)
        {
            return verdict;
        }
        connection::verdict(tables, flow, context, scope)
    }
}
