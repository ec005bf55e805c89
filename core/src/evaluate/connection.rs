//! Both ends of a connection and what lies between them.

use super::host::{Seat, uplink, wildcard};
use super::judge::{Judge, Steps};
use super::outcome::{ALLOW, Outcome};
use super::party::{FlowView, place, settle};
use super::recorder::{Notes, Recorder};
use super::story::Story;
use crate::cluster::Scope;
use crate::dialect::{EndpointToHost, NodePortSource};
use crate::explanation::{At, Connection};
use crate::model::{
    Action, Direction, EndpointId, Flow, FlowContext, IpVersion, OriginalDestination, Reason, Side, Verdict,
};
use crate::tables::{Backend, EndpointRecord, NONE, Place, Route, Tables};

/// The verdict of a connection; for a service, that on which its backends agree.
pub(super) fn verdict(tables: &Tables, flow: &Flow, context: &FlowContext, scope: Scope) -> Verdict {
    follow(tables, flow, context, scope, |_, _: Notes| {})
}

/// The verdict of a connection and its story: that to each backend, for a service.
pub(super) fn tell(
    tables: &Tables,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
) -> (Verdict, Vec<Connection>) {
    let mut connections = Vec::new();
    let verdict = follow(tables, flow, context, scope, |flow, story: Story| {
        connections.push(story.connection(flow));
    });
    (verdict, connections)
}

/// The verdict of a connection; each way that it may take is noted by itself.
fn follow<R: Recorder>(
    tables: &Tables,
    flow: &Flow,
    context: &FlowContext,
    scope: Scope,
    mut noted: impl FnMut(Flow, R),
) -> Verdict {
    let flow = settle(tables, flow);
    let key = (flow.protocol().number(), flow.destination_port());
    let mut node = NONE;
    let route = match &context.service {
        Some(service) => Some(tables.routes.to_service(service, key).unwrap_or_default()),
        None => route(tables, &flow, context, &mut node),
    };
    let mut verdict = |way: &Way<'_>| {
        let mut recorder = R::default();
        let verdict = way.verdict(&mut recorder);
        noted(way.flow, recorder);
        verdict
    };
    let Some(route) = route else { return verdict(&Way::new(tables, flow, context, scope)) };
    let backends = tables.routes.backends.slice(route.backends).iter();
    let received = backends.filter(|backend| !route.local_only || node_of(tables, backend.endpoint) == node);
    let verdicts = received
        .map(|backend| verdict(&Way::new(tables, flow, context, scope).through(&route, node, backend)));
    verdicts.reduce(agreement).unwrap_or_else(|| {
        Verdict::new(Action::Deny, tables.generation)
            .with_reason(Direction::Egress, Reason::NoBackend, None)
            .with_reason(Direction::Ingress, Reason::NoBackend, None)
    })
}

/// The first verdict if both are alike, or it is undecided by itself. What is noted of either counts.
fn agreement(first: Verdict, second: Verdict) -> Verdict {
    let verdict = if [second.action(), Action::Undecided].contains(&first.action()) {
        first
    } else {
        Verdict::new(Action::Undecided, first.generation())
            .with_reason(Direction::Egress, Reason::Undecided, None)
            .with_reason(Direction::Ingress, Reason::Undecided, None)
            .with_flags_of(first)
    };
    verdict.with_flags_of(second)
}

/// Where the address of a service or node port leads; `node` is then the node that receives the flow.
fn route(tables: &Tables, flow: &Flow, context: &FlowContext, node: &mut u32) -> Option<Route> {
    let Side::Address(address) = flow.destination() else { return None };
    if context.original_destination.is_some() {
        return None;
    }
    let key = (flow.protocol().number(), flow.destination_port());
    tables.routes.to_address(address, key).or_else(|| {
        *node = tables.addresses.occupant(address).node;
        if *node == NONE { None } else { tables.routes.to_node_port(address, key) }
    })
}

fn node_of(tables: &Tables, endpoint: u32) -> u32 {
    tables.endpoints.get(endpoint).map_or(NONE, |record| record.node)
}

/// The way of a flow: its ends, and what it passes.
struct Way<'a> {
    tables: &'a Tables,
    scope: Scope,
    flow: Flow,
    view: FlowView<'a>,
    /// The flow as the backend's node sees it, and the node that hides the client.
    behind_node: Option<(FlowView<'a>, u32)>,
    source: Place,
    destination: Place,
    via_service: bool,
}

impl<'a> Way<'a> {
    fn new(tables: &'a Tables, flow: Flow, context: &'a FlowContext, scope: Scope) -> Self {
        Way {
            tables,
            scope,
            flow,
            view: FlowView::new(tables, &flow, context),
            behind_node: None,
            source: place(tables, flow.source()),
            destination: place(tables, flow.destination()),
            via_service: context.via_service,
        }
    }

    /// The same flow, translated to a backend of a service that `node` may have received.
    fn through(self, route: &Route, node: u32, backend: &Backend) -> Self {
        let side = match (backend.endpoint, backend.address) {
            (NONE, None) => return self,
            (NONE, Some(address)) => Side::Address(address),
            (endpoint, None) => Side::Endpoint(EndpointId::from(endpoint)),
            (endpoint, Some(address)) => Side::Both(EndpointId::from(endpoint), address),
        };
        let (address, port) = (self.flow.destination_address(), self.flow.destination_port());
        let flow = self.flow.with_destination(side).with_ports(self.flow.source_port(), backend.port);
        let flow = settle(self.tables, &flow);
        let mut way = Way::new(self.tables, flow, self.view.context, self.scope);
        let original = address.map(|address| OriginalDestination { address, port });
        way.view.original = original.or(way.view.original);
        way.via_service = true;
        way.behind_node = way.hidden_client(route, node);
        way
    }

    /// Node-port traffic to a backend on another node comes from the receiving node.
    fn hidden_client(&self, route: &Route, node: u32) -> Option<(FlowView<'a>, u32)> {
        let record = self.tables.endpoints.nodes.get(node)?;
        let elsewhere = self.node(self.destination) != node;
        let hides = self.tables.dialect.node_port_source == NodePortSource::Node && !route.local_only;
        if !(elsewhere && hides) {
            return None;
        }
        let version = self.view.version?;
        let addresses = self.tables.endpoints.addresses.slice(record.addresses);
        let address = addresses.iter().find(|address| IpVersion::of(**address) == version)?;
        let flow = self.flow.with_source(*address);
        Some((FlowView::new(self.tables, &flow, self.view.context), node))
    }

    fn node(&self, place: Place) -> u32 {
        match place {
            Place::Workload { endpoint } => node_of(self.tables, endpoint),
            Place::Host { node } => node,
            Place::Outside | Place::Unknown => NONE,
        }
    }

    fn verdict<R: Recorder>(&self, recorder: &mut R) -> Verdict {
        let exempt = self.exemption();
        let egress = exempt.map_or_else(|| self.egress(recorder), Outcome::allow);
        recorder.end(Direction::Egress, egress);
        let ingress = exempt.map_or_else(|| self.ingress(recorder), Outcome::allow);
        recorder.end(Direction::Ingress, ingress);
        let (_, egress_reason, egress_rule) = egress.decide();
        let (_, ingress_reason, ingress_rule) = ingress.decide();
        Verdict::new(egress.and(ingress).decide().0, self.tables.generation)
            .with_reason(Direction::Egress, egress_reason, egress_rule)
            .with_reason(Direction::Ingress, ingress_reason, ingress_rule)
            .with_flag(recorder.flags(), true)
    }

    /// Traffic that no policy sees: of an endpoint to itself, and of a node to its own workloads.
    fn exemption(&self) -> Option<Reason> {
        match (self.source, self.destination) {
            (Place::Workload { endpoint: source }, Place::Workload { endpoint: destination }) => {
                let single = || {
                    self.tables.endpoints.get(source).is_some_and(|record| record.is(EndpointRecord::SINGLE))
                };
                (source == destination && !self.via_service && single()).then_some(Reason::SelfTraffic)
            }
            (Place::Host { node: source }, Place::Host { node: destination }) => {
                (source == destination).then_some(Reason::SelfTraffic)
            }
            (Place::Host { node }, Place::Workload { endpoint }) => {
                (node_of(self.tables, endpoint) == node).then_some(Reason::OwnNode)
            }
            _ => None,
        }
    }

    fn to_own_node(&self) -> bool {
        match (self.source, self.destination) {
            (Place::Workload { endpoint }, Place::Host { node }) => node_of(self.tables, endpoint) == node,
            _ => false,
        }
    }

    /// Whether another node judges what this one's host endpoints would.
    fn is_elsewhere(&self, node: u32) -> bool {
        self.tables.only_node != NONE && self.tables.only_node != node
    }

    fn judge(&self, seat: Seat<'a>, direction: Direction) -> Judge<'a> {
        Judge { tables: self.tables, seat, direction, scope: self.scope }
    }

    fn egress<R: Recorder>(&self, recorder: &mut R) -> Outcome {
        match self.source {
            Place::Outside => Outcome::allow(Reason::NotPoliced),
            Place::Unknown => Outcome::deny(Reason::UnknownEndpoint),
            Place::Host { node } => {
                if self.is_elsewhere(node) {
                    return Outcome::allow(Reason::NotEvaluated);
                }
                let interface = self.view.context.source_interface.as_deref();
                match uplink(self.tables, node, interface, self.view.source.address) {
                    None => Outcome::allow(Reason::NotPoliced),
                    Some(host) => self.host(host, Direction::Egress, recorder),
                }
            }
            Place::Workload { endpoint } => match Seat::of(self.tables, endpoint) {
                None => Outcome::deny(Reason::UnknownEndpoint),
                Some(seat) if seat.record.subject == EndpointRecord::ELSEWHERE => {
                    Outcome::allow(Reason::NotEvaluated)
                }
                Some(seat) => self.workload_egress(seat, recorder),
            },
        }
    }

    fn workload_egress<R: Recorder>(&self, seat: Seat<'a>, recorder: &mut R) -> Outcome {
        let (own_node, node) = (self.to_own_node(), seat.record.node);
        let view = FlowView { to_own_node: own_node, ..self.view };
        let mut steps = Steps::new();
        if let Some(host) = wildcard(self.tables, node) {
            let judge = self.judge(host, Direction::Ingress);
            steps.add(if own_node {
                judge.pre_dnat_only(&view, recorder)
            } else {
                judge.forwarded(&view, recorder)
            });
        }
        steps.add_principal(self.judge(seat, Direction::Egress).workload(&view, recorder));
        if own_node {
            steps.add(self.endpoint_to_host(recorder));
        } else if node != NONE && self.node(self.destination) != node {
            let interface = view.context.source_interface.as_deref();
            if let Some(host) = uplink(self.tables, node, interface, None) {
                steps.add(self.judge(host, Direction::Egress).forwarded(&view, recorder));
            }
        }
        steps.outcome()
    }

    fn endpoint_to_host<R: Recorder>(&self, recorder: &mut R) -> Outcome {
        let outcome = match self.tables.dialect.endpoint_to_host {
            EndpointToHost::Accept => return Outcome::allow(Reason::NotPoliced),
            EndpointToHost::Drop => Outcome::deny(Reason::EndpointToHost),
            EndpointToHost::Return => Outcome::undecided(None),
        };
        recorder.judged(|| At::EndpointToHost, outcome);
        outcome
    }

    fn ingress<R: Recorder>(&self, recorder: &mut R) -> Outcome {
        match self.destination {
            Place::Outside => Outcome::allow(Reason::NotPoliced),
            Place::Unknown => Outcome::deny(Reason::UnknownEndpoint),
            Place::Host { node } => {
                if self.is_elsewhere(node) {
                    return Outcome::allow(Reason::NotEvaluated);
                }
                let interface = self.view.context.destination_interface.as_deref();
                let host = uplink(self.tables, node, interface, self.view.destination.address);
                // Host endpoints do not see what workloads of the node send to it, but before translation.
                match host.filter(|_| !self.to_own_node()) {
                    None => Outcome::allow(Reason::NotPoliced),
                    Some(host) => self.host(host, Direction::Ingress, recorder),
                }
            }
            Place::Workload { endpoint } => match Seat::of(self.tables, endpoint) {
                None => Outcome::deny(Reason::UnknownEndpoint),
                Some(seat) if seat.record.subject == EndpointRecord::ELSEWHERE => {
                    Outcome::allow(Reason::NotEvaluated)
                }
                Some(seat) => self.workload_ingress(seat, recorder),
            },
        }
    }

    fn workload_ingress<R: Recorder>(&self, seat: Seat<'a>, recorder: &mut R) -> Outcome {
        let mut steps = Steps::new();
        let interface = self.view.context.destination_interface.as_deref();
        let (mut view, node) = (&self.view, seat.record.node);
        if let Some((behind, receiver)) = &self.behind_node {
            if let Some(host) = uplink(self.tables, *receiver, interface, None) {
                steps.add(self.judge(host, Direction::Ingress).forwarded(view, recorder));
                steps.add(self.judge(host, Direction::Egress).forwarded(view, recorder));
            }
            view = behind;
        }
        let entered = node != NONE && self.node(self.source) != node;
        let host = uplink(self.tables, node, interface, None);
        if let Some(host) = host.filter(|_| entered) {
            steps.add(self.judge(host, Direction::Ingress).forwarded(view, recorder));
        }
        steps.add_principal(self.judge(seat, Direction::Ingress).workload(view, recorder));
        if let Some(host) = wildcard(self.tables, node) {
            steps.add(self.judge(host, Direction::Egress).forwarded(view, recorder));
        }
        steps.outcome()
    }

    /// The own traffic of a host, at its host endpoint; an untracked connection needs its reply allowed as well.
    fn host<R: Recorder>(&self, host: Seat<'a>, direction: Direction, recorder: &mut R) -> Outcome {
        let judged = self.judge(host, direction).host(&self.view, recorder);
        let own = judged.outcome();
        if !judged.untracked.may(ALLOW) {
            return own;
        }
        let opposite = match direction {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        };
        let reversed = FlowView::new(self.tables, &self.flow.reversed(), self.view.context);
        let mut aside = R::default();
        let reply = self.judge(host, opposite).reply(&reversed, &mut aside);
        if judged.untracked.ending == ALLOW {
            // A reply that is only perhaps untracked is no part of what happened.
            recorder.join(aside);
        }
        let both = judged.if_untracked(reply);
        match both.ending {
            ALLOW => Outcome { reason: own.reason, rule: own.rule, ..both },
            _ => both,
        }
    }
}
