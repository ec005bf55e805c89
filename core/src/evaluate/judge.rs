//! One endpoint in one direction.

use super::host::Seat;
use super::outcome::{ALLOW, DENY, OPEN, Outcome};
use super::party::FlowView;
use super::recorder::Recorder;
use crate::cluster::{Phase, Scope};
use crate::explanation::{At, Did};
use crate::model::{Direction, EndpointId, Point, Reason, Role};
use crate::tables::{EndpointRecord, NONE, Tables};

/// An endpoint that judges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) tables: &'a Tables,
    pub(super) seat: Seat<'a>,
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
    pub(super) fn workload<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        let flow = self.seen_here(flow);
        let outcome = self.tiers(&flow, Phase::Normal, recorder);
        let outcome = outcome.then(|| self.profiles(&flow, recorder));
        recorder.judged(|| self.at(Role::Own), outcome);
        outcome
    }

    /// What a host forwards.
    pub(super) fn forwarded<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        let flow = self.seen_here(flow);
        let before = flow.before_translation();
        let outcome = self.untracked(&before, recorder).then(|| self.pre_dnat(&before, recorder));
        let outcome = outcome.then(|| self.tiers(&flow, Phase::Forward, recorder));
        let outcome = outcome.then(|| otherwise(Outcome::allow(Reason::ForwardDefault), recorder));
        recorder.judged(|| self.at(Role::Forwarded), outcome);
        outcome
    }

    /// What a workload sends to its own host, of which the host endpoint sees pre-DNAT policy only.
    pub(super) fn pre_dnat_only<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        let before = self.seen_here(flow).before_translation();
        let outcome = self.pre_dnat(&before, recorder);
        let outcome = outcome.then(|| otherwise(Outcome::allow(Reason::NotPoliced), recorder));
        recorder.judged(|| self.at(Role::PreDnatOnly), outcome);
        outcome
    }

    /// The host's own traffic.
    pub(super) fn host<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> HostOutcome {
        let flow = self.seen_here(flow);
        let before = flow.before_translation();
        let untracked = self.untracked(&before, recorder);
        let tracked = if untracked.may(OPEN) {
            let outcome = self.pre_dnat(&before, recorder);
            outcome.then(|| self.own(&flow, recorder))
        } else {
            Outcome::open()
        };
        let judged = HostOutcome { untracked, tracked };
        recorder.judged(|| self.at(Role::Own), judged.outcome());
        judged
    }

    /// The reply of an untracked connection: untracked policy judges it by itself.
    pub(super) fn reply<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        let outcome = self.reply_outcome(&self.seen_here(flow), recorder);
        let at = || At::Reply { endpoint: EndpointId::from(self.seat.endpoint), direction: self.direction };
        recorder.judged(at, outcome);
        outcome
    }

    fn reply_outcome<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        if flow.is_failsafe(self.direction) || flow.is_failsafe_reply(self.direction) {
            failsafe(Phase::Untracked, recorder);
            return Outcome::allow(Reason::Failsafe);
        }
        let outcome = self.tiers(flow, Phase::Untracked, recorder);
        let outcome = outcome.then(|| otherwise(Outcome::deny(Reason::ReplyDenied), recorder));
        match outcome.ending {
            DENY => Outcome { reason: Reason::ReplyDenied, ..outcome },
            _ => outcome,
        }
    }

    fn at(&self, role: Role) -> At {
        let (endpoint, direction) = (EndpointId::from(self.seat.endpoint), self.direction);
        At::Endpoint(Point { endpoint, direction, role })
    }

    fn seen_here<'f>(&self, flow: &FlowView<'f>) -> FlowView<'f> {
        let node = self.tables.endpoints.nodes.get(self.seat.record.node);
        FlowView { dns_view: node.map_or(0, |node| node.view), ..*flow }
    }

    fn tiers<R: Recorder>(&self, flow: &FlowView<'_>, phase: Phase, recorder: &mut R) -> Outcome {
        recorder.phase(phase);
        let list = self.tables.endpoints.list_of(self.seat.record.subject, phase, self.direction, self.scope);
        if list == NONE { Outcome::open() } else { flow.tiers(list, recorder) }
    }

    fn profiles<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        flow.profiles(self.tables.endpoints.profiles_of(self.seat.record), self.direction, recorder)
    }

    fn untracked<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        if self.seat.record.is(EndpointRecord::WILDCARD) {
            return Outcome::open();
        }
        if flow.is_failsafe(self.direction) || flow.is_failsafe_reply(self.direction) {
            failsafe(Phase::Untracked, recorder);
            return Outcome::open();
        }
        self.tiers(flow, Phase::Untracked, recorder)
    }

    fn pre_dnat<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        if self.direction == Direction::Egress {
            return Outcome::open();
        }
        if flow.is_failsafe(self.direction) {
            failsafe(Phase::PreDnat, recorder);
            return Outcome::open();
        }
        self.tiers(flow, Phase::PreDnat, recorder)
    }

    fn own<R: Recorder>(&self, flow: &FlowView<'_>, recorder: &mut R) -> Outcome {
        if flow.is_failsafe(self.direction) {
            failsafe(Phase::Normal, recorder);
            return Outcome::allow(Reason::Failsafe);
        }
        let outcome = self.tiers(flow, Phase::Normal, recorder);
        outcome.then(|| self.profiles(flow, recorder))
    }
}

/// What holds where nothing else decided.
fn otherwise<R: Recorder>(outcome: Outcome, recorder: &mut R) -> Outcome {
    let (action, reason, _) = outcome.decide();
    recorder.step(None, || Did::Otherwise { action, reason });
    outcome
}

fn failsafe<R: Recorder>(phase: Phase, recorder: &mut R) {
    recorder.phase(phase);
    recorder.step(None, || Did::Failsafe);
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
