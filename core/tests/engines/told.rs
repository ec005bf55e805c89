//! What the compiled engine tells of a verdict: the verdict follows from it, and a judgement's hits are the reference's.

use tierwall::cluster::{Cluster, Phase};
use tierwall::explanation::{Account, At, Connection, Did, End, Explanation, Judgement, Step};
use tierwall::model::{Action, Direction, Evaluation, Reason, RuleAction, RuleId, Verdict};
use tierwall::{Judged, reference};

/// The explanation is that of these verdicts, which follow from it.
pub(crate) fn explanation(told: &Explanation, evaluation: Evaluation) -> Result<(), String> {
    if (told.enforced.verdict, told.pending.verdict) != (evaluation.enforced, evaluation.pending) {
        return Err(format!("not the story of {evaluation:?}: {told:#?}"));
    }
    for account in [&told.enforced, &told.pending] {
        follows(account).map_err(|part| format!("{part} does not follow from the story: {account:#?}"))?;
    }
    Ok(())
}

fn follows(account: &Account) -> Result<(), &'static str> {
    let Account { verdict, connections, .. } = account;
    if said(*verdict) != joined(connections) {
        return Err("the verdict");
    }
    let judgements = || {
        let ends = connections.iter().flat_map(|connection| [&connection.egress, &connection.ingress]);
        ends.flat_map(|end| &end.judgements)
    };
    let logged = judgements().any(|judgement| judgement.logs().next().is_some());
    let http_assumed = judgements().any(|judgement| judgement.http_assumed);
    if (verdict.is_logged(), verdict.http_assumed()) != (logged, http_assumed) {
        return Err("a flag");
    }
    let ends = connections.iter().flat_map(|connection| [&connection.egress, &connection.ingress]);
    if !ends.into_iter().all(end_follows) {
        return Err("what is said at an end");
    }
    if !judgements().all(judgement_follows) {
        return Err("a judgement");
    }
    Ok(())
}

type Said = (Action, [(Reason, Option<RuleId>); 2]);

fn said(verdict: Verdict) -> Said {
    let side = |direction| (verdict.reason(direction), verdict.rule(direction));
    (verdict.action(), [Direction::Egress, Direction::Ingress].map(side))
}

/// That on which the connections agree.
fn joined(connections: &[Connection]) -> Said {
    let [first, others @ ..] = connections else {
        return (Action::Deny, [(Reason::NoBackend, None); 2]);
    };
    let action = |connection: &Connection| all([&connection.egress.said, &connection.ingress.said]);
    if others.iter().any(|other| action(other) != action(first)) && action(first) != Action::Undecided {
        return (Action::Undecided, [(Reason::Undecided, None); 2]);
    }
    let side = |end: &End| (end.said.reason, end.said.rule);
    (action(first), [side(&first.egress), side(&first.ingress)])
}

/// Each has to allow.
fn all<'a>(said: impl IntoIterator<Item = &'a Judged>) -> Action {
    let actions: Vec<Action> = said.into_iter().map(|said| said.action).collect();
    let worst = [Action::Deny, Action::Undecided].into_iter().find(|action| actions.contains(action));
    worst.unwrap_or(Action::Allow)
}

/// Nothing that was tried is unknown, so that each step is what did happen.
fn is_certain(judgement: &Judgement) -> bool {
    judgement.steps.iter().all(|Step { did, .. }| {
        let undecided =
            matches!(did, Did::Undecided { .. } | Did::EndOfTier { reason: Reason::Undecided, .. });
        !undecided
    })
}

fn end_follows(end: &End) -> bool {
    let judged = !end.judgements.is_empty() && end.judgements.iter().all(is_certain);
    !judged || end.said.action == all(end.judgements.iter().map(|judgement| &judgement.said))
}

/// The last step decides.
fn judgement_follows(judgement: &Judgement) -> bool {
    let Some(last) = judgement.steps.last() else {
        // Nothing judges there.
        return judgement.at == At::EndpointToHost
            || matches!(judgement.said.reason, Reason::UnknownEndpoint | Reason::NotEvaluated);
    };
    if !is_certain(judgement) {
        return true;
    }
    let is_reply = matches!(judgement.at, At::Reply { .. });
    let decided = |action| match action {
        RuleAction::Allow => Some(Action::Allow),
        RuleAction::Deny => Some(Action::Deny),
        RuleAction::Pass | RuleAction::Log => None,
    };
    let (action, mut reason) = match last.did {
        Did::Rule { action } => (decided(action), Reason::Rule),
        Did::ProfileRule { action } => (decided(action), Reason::ProfileRule),
        Did::EndOfTier { action, reason } => (decided(action), reason),
        Did::NoProfileMatched => (Some(Action::Deny), Reason::ProfileNoMatch),
        Did::MissingProfile { .. } => (Some(Action::Deny), Reason::MissingProfile),
        Did::InvalidRequest => (Some(Action::Deny), Reason::InvalidRequest),
        Did::Failsafe if is_reply || last.phase == Phase::Normal => (Some(Action::Allow), Reason::Failsafe),
        Did::Otherwise { action, reason } => (Some(action), reason),
        _ => return false,
    };
    if is_reply && action == Some(Action::Deny) {
        reason = Reason::ReplyDenied;
    }
    action.is_some_and(|action| judgement.said == Judged { action, reason, rule: last.rule })
}

/// The story of one endpoint's judgement is the reference's.
pub(crate) fn judgement(
    cluster: &Cluster,
    told: &Judgement,
    reference: &reference::Judgement,
) -> Result<(), String> {
    let said = Judged { action: reference.action, reason: reference.reason, rule: reference.rule };
    let logs: Vec<RuleId> = told.logs().collect();
    let alike = told.said == said
        && told.hits(cluster).as_ref() == Some(&reference.hits)
        && logs == reference.logs
        && told.http_assumed == reference.http_assumed
        && judgement_follows(told);
    if alike { Ok(()) } else { Err(format!("{told:#?} is not the story of {reference:#?}")) }
}
