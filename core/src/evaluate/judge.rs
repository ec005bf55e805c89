//! One endpoint in one direction.

use super::outcome::{ALLOW, DENY, OPEN, Outcome};
use super::party::FlowView;
use super::walk::Notes;
use crate::cluster::{Phase, Scope};
use crate::model::{Direction, Reason};
use crate::tables::{EndpointRecord, NONE, Tables};

/// An endpoint that judges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) tables: &'a Tables,
    pub(super) record: &'a EndpointRecord,
    pub(super) direction: Direction,
    pub(super) scope: Scope,
}

/// What a host endpoint says of the host's own traffic: what untracked policy allows, no other phase sees.
#[derive(Debug, Clone, Copy)]
pub(super) struct HostOutcome {
    pub(super) untracked: Outcome,
    tracked: Outcome,
}

impl HostOutcome {
    pub(super) fn outcome(&self) -> Outcome {
        self.untracked.then(|| self.tracked)
    }

    /// The same, where what is untracked has to pass something more.
    pub(super) fn if_untracked(&self, also: Outcome) -> Outcome {
        self.untracked.and(also).then(|| self.tracked)
    }
}

impl Judge<'_> {
    /// A workload's own traffic.
    pub(super) fn workload(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        let flow = self.seen_here(flow);
        let outcome = self.tiers(&flow, Phase::Normal, notes);
        outcome.then(|| self.profiles(&flow, notes))
    }

    /// What a host forwards.
    pub(super) fn forwarded(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        let flow = self.seen_here(flow);
        let before = flow.before_translation();
        let outcome = self.untracked(&before, notes).then(|| self.pre_dnat(&before, notes));
        let outcome = outcome.then(|| self.tiers(&flow, Phase::Forward, notes));
        outcome.then(|| Outcome::allow(Reason::ForwardDefault))
    }

    /// What a workload sends to its own host, of which the host endpoint sees pre-DNAT policy only.
    pub(super) fn pre_dnat_only(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        let before = self.seen_here(flow).before_translation();
        self.pre_dnat(&before, notes).then(|| Outcome::allow(Reason::NotPoliced))
    }

    /// The host's own traffic.
    pub(super) fn host(&self, flow: &FlowView<'_>, notes: &mut Notes) -> HostOutcome {
        let flow = self.seen_here(flow);
        let before = flow.before_translation();
        let untracked = self.untracked(&before, notes);
        let tracked = if untracked.may(OPEN) {
            let outcome = self.pre_dnat(&before, notes);
            outcome.then(|| self.own(&flow, notes))
        } else {
            Outcome::open()
        };
        HostOutcome { untracked, tracked }
    }

    /// The reply of an untracked connection: untracked policy judges it by itself.
    pub(super) fn reply(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        let flow = self.seen_here(flow);
        if flow.is_failsafe(self.direction) || flow.is_failsafe_reply(self.direction) {
            return Outcome::allow(Reason::Failsafe);
        }
        let outcome = self.tiers(&flow, Phase::Untracked, notes);
        let outcome = outcome.then(|| Outcome::deny(Reason::ReplyDenied));
        match outcome.ending {
            DENY => Outcome { reason: Reason::ReplyDenied, ..outcome },
            _ => outcome,
        }
    }

    fn seen_here<'f>(&self, flow: &FlowView<'f>) -> FlowView<'f> {
        let node = self.tables.endpoints.nodes.get(self.record.node);
        FlowView { dns_view: node.map_or(0, |node| node.view), ..*flow }
    }

    fn tiers(&self, flow: &FlowView<'_>, phase: Phase, notes: &mut Notes) -> Outcome {
        let list = self.tables.endpoints.list_of(self.record.subject, phase, self.direction, self.scope);
        if list == NONE { Outcome::open() } else { flow.tiers(list, notes) }
    }

    fn profiles(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        flow.profiles(self.tables.endpoints.profiles_of(self.record), self.direction, notes)
    }

    fn untracked(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        let skipped = self.record.is(EndpointRecord::WILDCARD)
            || flow.is_failsafe(self.direction)
            || flow.is_failsafe_reply(self.direction);
        if skipped { Outcome::open() } else { self.tiers(flow, Phase::Untracked, notes) }
    }

    fn pre_dnat(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        if self.direction == Direction::Egress || flow.is_failsafe(self.direction) {
            Outcome::open()
        } else {
            self.tiers(flow, Phase::PreDnat, notes)
        }
    }

    fn own(&self, flow: &FlowView<'_>, notes: &mut Notes) -> Outcome {
        if flow.is_failsafe(self.direction) {
            return Outcome::allow(Reason::Failsafe);
        }
        let outcome = self.tiers(flow, Phase::Normal, notes);
        outcome.then(|| self.profiles(flow, notes))
    }
}

/// Every step has to allow; then the reason is that of the principal one, the endpoint's own policy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    all: Outcome,
    principal: Option<Outcome>,
}

impl Steps {
    pub(super) fn new() -> Self {
        Steps { all: Outcome::allow(Reason::NotPoliced), principal: None }
    }

    pub(super) fn add(&mut self, step: Outcome) {
        self.all = self.all.and(step);
    }

    pub(super) fn add_principal(&mut self, step: Outcome) {
        self.add(step);
        self.principal = Some(step);
    }

    pub(super) fn outcome(self) -> Outcome {
        match (self.all.ending, self.principal) {
            (ALLOW, Some(step)) => Outcome { reason: step.reason, rule: step.rule, ..self.all },
            _ => self.all,
        }
    }
}
