//! One endpoint in one direction (calico.md 5, 7.2).

use super::facts::Facts;
use super::host::{is_failsafe, is_failsafe_reply, is_wildcard};
use super::outcome::{Ending, Missing, Outcome};
use super::walk::{Hit, Record, Walk};
use crate::cluster::{Cluster, EndpointEntry, Phase, Scope};
use crate::model::{Action, Direction, Flow, FlowContext, Point, Reason, Role, RuleId};

/// What the policies of one endpoint say of a flow in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Allow, deny, or undecided.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The rule that decided, or the end of a tier.
    pub rule: Option<RuleId>,
    /// What ended each tier, in order, and what decided at last.
    pub hits: Vec<Hit>,
    /// The Log rules that matched on the way.
    pub logs: Vec<RuleId>,
    /// What would have to be known to decide, if undecided.
    pub missing: Vec<Missing>,
    /// An HTTP clause passed because the flow carries no request.
    pub http_assumed: bool,
}

/// What the policies of one endpoint say of a flow in one direction, and nothing else: no other end, no exemption.
///
/// An endpoint that does not exist denies, with [`Reason::UnknownEndpoint`].
pub fn judge(cluster: &Cluster, point: Point, flow: &Flow, context: &FlowContext, scope: Scope) -> Judgement {
    let mut record = Record::default();
    let facts = Facts::new(cluster, flow, context);
    let outcome = match cluster.endpoint(point.endpoint) {
        Some(entry) => judge_at(&facts, entry, point.direction, point.role, scope, &mut record),
        None => Outcome::deny(Reason::UnknownEndpoint),
    };
    let (action, reason, rule) = outcome.decide();
    let missing = if action == Action::Undecided { record.missing } else { Vec::new() };
    Judgement {
        action,
        reason,
        rule,
        hits: record.hits,
        logs: record.logs,
        missing,
        http_assumed: record.http_assumed,
    }
}

pub(super) fn judge_at<'a>(
    facts: &Facts<'a>,
    entry: &'a EndpointEntry,
    direction: Direction,
    role: Role,
    scope: Scope,
    record: &mut Record<'a>,
) -> Outcome {
    let mut facts = facts.clone();
    facts.node = entry.endpoint.node.clone();
    let judge = Judge { entry, direction, scope };
    if !entry.endpoint.is_host() {
        let outcome = judge.tiers(&facts, Phase::Normal, record);
        return outcome.then(|| judge.profiles(&facts, record));
    }
    let before = facts.before_translation();
    match role {
        Role::Own => judge_host(&facts, entry, direction, scope, record).outcome(),
        Role::Forwarded => judge
            .untracked(&before, record)
            .then(|| judge.pre_dnat(&before, record))
            .then(|| judge.tiers(&facts, Phase::Forward, record))
            .then(|| Outcome::allow(Reason::ForwardDefault)),
        Role::PreDnatOnly => judge.pre_dnat(&before, record).then(|| Outcome::allow(Reason::NotPoliced)),
    }
}

/// What a host endpoint says of the host's own traffic, in two parts: only what the first allows is untracked.
pub(super) struct HostJudgement {
    /// What untracked policy says.
    pub(super) untracked: Outcome,
    /// What the other phases say; absent where untracked policy leaves nothing to them.
    tracked: Option<Outcome>,
}

impl HostJudgement {
    pub(super) fn outcome(&self) -> Outcome {
        self.untracked.then(|| self.tracked())
    }

    /// The same, where what is untracked has to pass something more.
    pub(super) fn if_untracked(&self, also: Outcome) -> Outcome {
        self.untracked.and(|| also).then(|| self.tracked())
    }

    fn tracked(&self) -> Outcome {
        self.tracked.unwrap_or_else(Outcome::open)
    }
}

pub(super) fn judge_host<'a>(
    facts: &Facts<'a>,
    entry: &'a EndpointEntry,
    direction: Direction,
    scope: Scope,
    record: &mut Record<'a>,
) -> HostJudgement {
    let mut facts = facts.clone();
    facts.node = entry.endpoint.node.clone();
    let before = facts.before_translation();
    let judge = Judge { entry, direction, scope };
    let untracked = judge.untracked(&before, record);
    let tracked = untracked.possible.contains(Ending::Open).then(|| {
        let outcome = judge.pre_dnat(&before, record);
        outcome.then(|| judge.own(&facts, record))
    });
    HostJudgement { untracked, tracked }
}

/// What a host endpoint says of the replies of an untracked connection. They are judged by themselves, by untracked
/// policy only: nothing is known of a connection that they would belong to (calico.md 7.4).
pub(super) fn judge_reply<'a>(
    facts: &Facts<'a>,
    entry: &'a EndpointEntry,
    direction: Direction,
    scope: Scope,
    record: &mut Record<'a>,
) -> Outcome {
    if is_failsafe(facts, direction) || is_failsafe_reply(facts, direction) {
        return Outcome::allow(Reason::Failsafe);
    }
    let outcome = Judge { entry, direction, scope }.tiers(facts, Phase::Untracked, record);
    let outcome = outcome.then(|| Outcome::deny(Reason::ReplyDenied));
    match outcome.ending {
        Ending::Deny => Outcome { reason: Reason::ReplyDenied, ..outcome },
        _ => outcome,
    }
}

struct Judge<'a> {
    entry: &'a EndpointEntry,
    direction: Direction,
    scope: Scope,
}

impl<'a> Judge<'a> {
    fn tiers(&self, facts: &Facts<'a>, phase: Phase, record: &mut Record<'a>) -> Outcome {
        let tiers = facts.cluster.applied(self.entry, self.direction, phase, self.scope);
        Walk { facts, direction: self.direction, scope: self.scope, record }.tiers(&tiers, phase)
    }

    fn profiles(&self, facts: &Facts<'a>, record: &mut Record<'a>) -> Outcome {
        let profiles = &self.entry.endpoint.profiles;
        Walk { facts, direction: self.direction, scope: self.scope, record }.profiles(profiles)
    }

    /// Untracked policy on a wildcard host endpoint is ignored (calico.md 7.4). Failsafe ports skip the phase.
    fn untracked(&self, facts: &Facts<'a>, record: &mut Record<'a>) -> Outcome {
        let skipped = is_wildcard(self.entry)
            || is_failsafe(facts, self.direction)
            || is_failsafe_reply(facts, self.direction);
        if skipped { Outcome::open() } else { self.tiers(facts, Phase::Untracked, record) }
    }

    fn pre_dnat(&self, facts: &Facts<'a>, record: &mut Record<'a>) -> Outcome {
        if self.direction == Direction::Egress || is_failsafe(facts, self.direction) {
            Outcome::open()
        } else {
            self.tiers(facts, Phase::PreDnat, record)
        }
    }

    /// Traffic of the host's own processes.
    fn own(&self, facts: &Facts<'a>, record: &mut Record<'a>) -> Outcome {
        if is_failsafe(facts, self.direction) {
            return Outcome::allow(Reason::Failsafe);
        }
        let outcome = self.tiers(facts, Phase::Normal, record);
        outcome.then(|| self.profiles(facts, record))
    }
}
