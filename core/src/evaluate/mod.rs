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
//! * `recorder`, `story`: what is noted of all this: flags only, or everything.
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
mod recorder;
mod story;
mod walk;

use crate::cluster::Scope;
use crate::explanation::{Account, Explanation, Form, Judgement};
use crate::model::{Columns, Evaluation, Flow, FlowContext, Judged, Point, Reason, Role, Verdict};
use crate::tables::{EndpointRecord, Lanes, Tables, Task, Usual, run};
use batch::{Batch, Flows, TOGETHER};
use host::Seat;
use outcome::Outcome;
use recorder::{Notes, Recorder};
use story::Story;

impl From<Outcome> for Judged {
    fn from(outcome: Outcome) -> Self {
        let (action, reason, rule) = outcome.decide();
        Judged { action, reason, rule }
    }
}

/// What the policies of one endpoint say of a flow in one direction.
pub(crate) fn judge(
    tables: &Tables,
    point: Point,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
) -> Judged {
    judge_with(tables, point, flow, context, scope, &mut Notes::default())
}

/// The same, and how it comes about.
pub(crate) fn explain_at(
    tables: &Tables,
    point: Point,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
) -> Judgement {
    let mut story = Story::default();
    let said = judge_with(tables, point, flow, context, scope, &mut story);
    story.judgement(point, said)
}

fn judge_with<R: Recorder>(
    tables: &Tables,
    point: Point,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
    recorder: &mut R,
) -> Judged {
    let flow = party::settle(tables, flow);
    let view = party::FlowView::new(tables, &flow, context);
    let outcome = match Seat::of(tables, point.endpoint.get()) {
        None => Outcome::deny(Reason::UnknownEndpoint),
        Some(seat) if seat.record.subject == EndpointRecord::ELSEWHERE => Outcome::deny(Reason::NotEvaluated),
        Some(seat) => {
            let judge = judge::Judge { tables, seat, direction: point.direction, scope };
            match point.role {
                _ if !seat.record.is(EndpointRecord::HOST) => judge.workload(&view, recorder),
                Role::Own => judge.host(&view, recorder).outcome(),
                Role::Forwarded => judge.forwarded(&view, recorder),
                Role::PreDnatOnly => judge.pre_dnat_only(&view, recorder),
            }
        }
    };
    outcome.into()
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
    both(enforced, pending)
}

fn both(enforced: Verdict, pending: Verdict) -> Evaluation {
    let differs = enforced.action() != pending.action();
    Evaluation {
        enforced: enforced.with_flag(Verdict::STAGED_DIFFERS, differs),
        pending: pending.with_flag(Verdict::STAGED_DIFFERS, differs),
    }
}

/// The verdicts of a flow, each as the form gives it that [`evaluate`] asks, with the story of the complete form.
pub(crate) fn explain(tables: &Tables, flow: &Flow, context: &FlowContext) -> Explanation {
    let account = |scope| {
        let (told, connections) = connection::tell(tables, flow, context, scope);
        let (verdict, form) = match (Asked { tables, flow, context, scope }).fast(Usual) {
            Some(verdict) => (verdict, Form::Fast),
            None => (told, Form::Complete),
        };
        Account { verdict, form, connections }
    };
    let (enforced, pending) = (account(Scope::Enforced), account(Scope::Pending));
    let verdicts = both(enforced.verdict, pending.verdict);
    Explanation {
        enforced: Account { verdict: verdicts.enforced, ..enforced },
        pending: Account { verdict: verdicts.pending, ..pending },
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

#[derive(Clone, Copy)]
struct Asked<'a> {
    tables: &'a Tables,
    flow: &'a Flow,
    context: &'a FlowContext,
    scope: Scope,
}

impl Asked<'_> {
    /// What the fast form says, if it can.
    #[inline(always)]
    fn fast(self, lanes: impl Lanes) -> Option<Verdict> {
        let Asked { tables, flow, context, scope } = self;
        let program = match scope {
            Scope::Enforced => Some(&tables.enforced),
            Scope::Pending => tables.pending.as_ref(),
        };
        // A closure would not be compiled for what the processor can do.
        match program {
            Some(program) if context.is_plain() => fast::verdict(lanes, tables, program, flow),
            _ => None,
        }
    }
}

impl Task for Asked<'_> {
    type Output = Verdict;

    #[inline(always)]
    fn run(self, lanes: impl Lanes) -> Verdict {
        match self.fast(lanes) {
            Some(verdict) => verdict,
            None => connection::verdict(self.tables, self.flow, self.context, self.scope),
        }
    }
}
