//! Both ends of a connection and what lies between them (calico.md 7.3, kubernetes.md 2.8, 5).

use super::facts::{Facts, settle};
use super::host::{uplink, wildcard};
use super::judge::{judge_at, judge_host, judge_reply};
use super::outcome::{Ending, Missing, Outcome};
use super::walk::{Hit, Record};
use crate::cluster::{Backend, Cluster, EndpointEntry, Scope, ServiceRoute};
use crate::dialect::{EndpointToHost, NodePortSource};
use crate::model::{
    Action, Direction, EndpointKind, Flow, FlowContext, Name, OriginalDestination, Reason, Role, RuleId,
    Side, Verdict,
};

/// One judgement on the way of a flow.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) kind: StepKind<'a>,
    pub(crate) outcome: Outcome,
    pub(crate) record: Record<'a>,
    /// The flow as it is judged here.
    pub(crate) facts: Facts<'a>,
}

/// What judges.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StepKind<'a> {
    /// The policies of an endpoint.
    Endpoint { entry: &'a EndpointEntry, direction: Direction, role: Role },
    /// What is configured for traffic of workloads to their own host.
    EndpointToHost,
    /// The reply of an untracked connection, at the same host endpoint.
    Reply { entry: &'a EndpointEntry, direction: Direction },
}

/// The egress of the source, or the ingress of the destination.
#[derive(Debug)]
pub(crate) struct SideResult<'a> {
    pub(crate) endpoint: Option<&'a EndpointEntry>,
    pub(crate) steps: Vec<Step<'a>>,
    pub(crate) outcome: Outcome,
}

/// A connection, judged; for a service, to each of its backends.
#[derive(Debug)]
pub(crate) struct Connection<'a> {
    pub(crate) flow: Flow,
    pub(crate) egress: SideResult<'a>,
    pub(crate) ingress: SideResult<'a>,
    pub(crate) route: Option<ServiceRoute>,
    /// One for each backend, if the destination is a service.
    pub(crate) backends: Vec<Connection<'a>>,
}

impl Connection<'_> {
    pub(crate) fn action(&self) -> Action {
        if let Some(first) = self.backends.first() {
            let action = first.action();
            let agreed = self.backends.iter().all(|backend| backend.action() == action);
            return if agreed { action } else { Action::Undecided };
        }
        self.egress.outcome.and(|| self.ingress.outcome).decide().0
    }

    /// For a service, the verdict that its backends agree on; a rule that logs on the way to any of them counts.
    pub(crate) fn verdict(&self, generation: u32) -> Verdict {
        let action = self.action();
        let verdict = match self.backends.first() {
            Some(first) if first.action() == action => first.verdict(generation),
            Some(_) => Verdict::new(Action::Undecided, generation)
                .with_reason(Direction::Egress, Reason::Undecided, None)
                .with_reason(Direction::Ingress, Reason::Undecided, None),
            None => {
                let (_, egress, egress_rule) = self.egress.outcome.decide();
                let (_, ingress, ingress_rule) = self.ingress.outcome.decide();
                Verdict::new(action, generation)
                    .with_reason(Direction::Egress, egress, egress_rule)
                    .with_reason(Direction::Ingress, ingress, ingress_rule)
            }
        };
        verdict
            .with_flag(Verdict::LOGGED, !self.logs().is_empty())
            .with_flag(Verdict::HTTP_ASSUMED, self.http_assumed())
    }

    fn steps(&self) -> impl Iterator<Item = &Step<'_>> {
        self.egress.steps.iter().chain(&self.ingress.steps)
    }

    /// An HTTP clause passed because the flow carries no request, to a backend if there are any.
    pub(crate) fn http_assumed(&self) -> bool {
        self.steps().any(|step| step.record.http_assumed)
            || self.backends.iter().any(Connection::http_assumed)
    }

    /// The Log rules that matched on the way, or on the way to a backend, each once.
    pub(crate) fn logs(&self) -> Vec<RuleId> {
        let own = self.steps().flat_map(|step| step.record.logs.iter().copied());
        let mut logs = Vec::new();
        for rule in own.chain(self.backends.iter().flat_map(Connection::logs)) {
            if !logs.contains(&rule) {
                logs.push(rule);
            }
        }
        logs
    }

    /// What would have to be known to decide; empty unless the verdict is undecided.
    pub(crate) fn missing(&self) -> Vec<Missing> {
        if self.action() != Action::Undecided {
            return Vec::new();
        }
        let mut missing: Vec<Missing> = if self.backends.is_empty() {
            self.steps().flat_map(|step| step.record.missing.iter().cloned()).collect()
        } else {
            let agreed = self.backends.iter().all(|backend| backend.action() == Action::Undecided);
            let own = (!agreed).then_some(Missing::Backend);
            self.backends.iter().flat_map(Connection::missing).chain(own).collect()
        };
        missing.sort_unstable();
        missing.dedup();
        missing
    }

    pub(crate) fn hits(&self, direction: Direction) -> impl Iterator<Item = &Hit> {
        let side = match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        };
        side.steps.iter().flat_map(|step| &step.record.hits)
    }
}

/// What an end of a flow is.
#[derive(Debug, Clone, Copy)]
enum Place<'a> {
    Workload(&'a EndpointEntry),
    Host(&'a Name),
    Outside,
    /// The flow names an endpoint that does not exist.
    Unknown,
}

impl<'a> Place<'a> {
    fn of(cluster: &'a Cluster, side: Side) -> Self {
        let (named, address) = match side {
            Side::Address(address) => (None, Some(address)),
            Side::Endpoint(id) => (Some(id), None),
            Side::Both(id, address) => (Some(id), Some(address)),
        };
        let entry = match named {
            Some(id) => match cluster.endpoint(id) {
                Some(entry) => Some(entry),
                None => return Place::Unknown,
            },
            // Workloads come before host endpoints in the order of keys.
            None => address.and_then(|address| cluster.endpoints_at(address).next()),
        };
        let node = || address.and_then(|address| cluster.nodes_at(address).next());
        match entry {
            Some(entry) if !entry.endpoint.is_host() => Place::Workload(entry),
            Some(entry) => entry.endpoint.node.as_ref().map_or(Place::Outside, Place::Host),
            None => node().map_or(Place::Outside, |node| Place::Host(&node.name)),
        }
    }

    fn node(self) -> Option<&'a Name> {
        match self {
            Place::Workload(entry) => entry.endpoint.node.as_ref(),
            Place::Host(node) => Some(node),
            Place::Outside | Place::Unknown => None,
        }
    }
}

/// Judges a connection; with `story`, every step is kept for the trace.
pub(crate) fn connect<'a>(
    cluster: &'a Cluster,
    flow: &Flow,
    context: &'a FlowContext,
    scope: Scope,
    story: bool,
) -> Connection<'a> {
    let flow = settle(cluster, flow);
    let route = match &context.service {
        Some(service) => {
            Some(cluster.route_to_service(service, flow.protocol(), flow.destination_port()).unwrap_or(
                ServiceRoute {
                    service: service.clone(),
                    backends: Vec::new(),
                    node: None,
                    local_only: false,
                },
            ))
        }
        None => service_route(cluster, &flow, context),
    };
    let Some(route) = route else {
        return Way::new(cluster, flow, context, scope, story).connection();
    };
    let backends: Vec<Connection<'a>> = route
        .backends
        .iter()
        .map(|backend| Way::new(cluster, flow, context, scope, story).through(&route, backend).connection())
        .collect();
    let none = || SideResult { endpoint: None, steps: Vec::new(), outcome: Outcome::deny(Reason::NoBackend) };
    Connection { flow, egress: none(), ingress: none(), route: Some(route), backends }
}

fn service_route(cluster: &Cluster, flow: &Flow, context: &FlowContext) -> Option<ServiceRoute> {
    let Side::Address(address) = flow.destination() else { return None };
    let translated = context.original_destination.is_some();
    (!translated).then(|| cluster.route(address, flow.protocol(), flow.destination_port())).flatten()
}

/// The way of a flow: its ends as policy sees them, and what it passes.
struct Way<'a> {
    cluster: &'a Cluster,
    scope: Scope,
    story: bool,
    flow: Flow,
    facts: Facts<'a>,
    /// The flow as the backend's node and the backend see it, if the receiving node hides the client.
    behind_node: Option<(Facts<'a>, &'a Name)>,
    source: Place<'a>,
    destination: Place<'a>,
    via_service: bool,
}

impl<'a> Way<'a> {
    fn new(cluster: &'a Cluster, flow: Flow, context: &'a FlowContext, scope: Scope, story: bool) -> Self {
        Way {
            cluster,
            scope,
            story,
            flow,
            facts: Facts::new(cluster, &flow, context),
            behind_node: None,
            source: Place::of(cluster, flow.source()),
            destination: Place::of(cluster, flow.destination()),
            via_service: context.via_service,
        }
    }

    /// The same flow, translated to a backend of a service.
    fn through(mut self, route: &ServiceRoute, backend: &Backend) -> Self {
        let context = self.facts.context;
        let original = self.flow.destination_address();
        let original =
            original.map(|address| OriginalDestination { address, port: self.flow.destination_port() });
        let side = match (backend.endpoint, backend.address) {
            (Some(id), Some(address)) => Some(Side::Both(id, address)),
            (Some(id), None) => Some(Side::Endpoint(id)),
            (None, address) => address.map(Side::Address),
        };
        let Some(side) = side else { return self };
        let flow = settle(
            self.cluster,
            &self.flow.with_destination(side).with_ports(self.flow.source_port(), backend.port),
        );
        let mut way = Way::new(self.cluster, flow, context, self.scope, self.story);
        way.facts = way.facts.translated_from(original);
        way.via_service = true;
        way.behind_node = way.hidden_client(route);
        self = way;
        self
    }

    /// Node-port traffic to a backend on another node comes from the receiving node (calico.md 0.1).
    fn hidden_client(&self, route: &ServiceRoute) -> Option<(Facts<'a>, &'a Name)> {
        let node = self.cluster.node(route.node.as_deref()?)?;
        let elsewhere = self.destination.node() != Some(&node.name);
        let hides = self.cluster.dialect().node_port_source == NodePortSource::Node && !route.local_only;
        if !(elsewhere && hides) {
            return None;
        }
        let version = self.facts.version?;
        let address =
            node.addresses.iter().find(|address| crate::model::IpVersion::of(**address) == version)?;
        let flow = self.flow.with_source(*address);
        Some((Facts::new(self.cluster, &flow, self.facts.context), &node.name))
    }

    fn connection(self) -> Connection<'a> {
        let exempt = self.exemption();
        let (egress, ingress) = match exempt {
            Some(outcome) => (self.side(self.source, outcome), self.side(self.destination, outcome)),
            None => (self.egress(), self.ingress()),
        };
        Connection { flow: self.flow, egress, ingress, route: None, backends: Vec::new() }
    }

    fn side(&self, place: Place<'a>, outcome: Outcome) -> SideResult<'a> {
        let endpoint = match place {
            Place::Workload(entry) => Some(entry),
            _ => None,
        };
        SideResult { endpoint, steps: Vec::new(), outcome }
    }

    /// Traffic that no policy sees: of an endpoint to itself, and of a node to its own workloads.
    fn exemption(&self) -> Option<Outcome> {
        match (self.source, self.destination) {
            (Place::Workload(source), Place::Workload(destination)) => {
                let itself = source.id == destination.id && !self.via_service && is_single(source);
                itself.then(|| Outcome::allow(Reason::SelfTraffic))
            }
            (Place::Host(source), Place::Host(destination)) => {
                (source == destination).then(|| Outcome::allow(Reason::SelfTraffic))
            }
            (Place::Host(node), Place::Workload(workload)) => {
                let own = workload.endpoint.node.as_ref() == Some(node);
                own.then(|| Outcome::allow(Reason::OwnNode))
            }
            _ => None,
        }
    }

    fn to_own_node(&self) -> bool {
        match (self.source, self.destination) {
            (Place::Workload(workload), Place::Host(node)) => workload.endpoint.node.as_ref() == Some(node),
            _ => false,
        }
    }

    fn egress(&self) -> SideResult<'a> {
        match self.source {
            Place::Outside => self.side(self.source, Outcome::allow(Reason::NotPoliced)),
            Place::Unknown => self.side(self.source, Outcome::deny(Reason::UnknownEndpoint)),
            Place::Host(node) => self.host_egress(node),
            Place::Workload(entry) => self.workload_egress(entry),
        }
    }

    fn host_egress(&self, node: &'a Name) -> SideResult<'a> {
        let interface = self.facts.context.source_interface.as_deref();
        match uplink(self.cluster, node, interface, self.facts.source.address) {
            None => self.side(self.source, Outcome::allow(Reason::NotPoliced)),
            Some(host) => self.host(host, Direction::Egress),
        }
    }

    /// The own traffic of a host, at its host endpoint.
    fn host(&self, host: &'a EndpointEntry, direction: Direction) -> SideResult<'a> {
        let mut record = self.new_record();
        let judged = judge_host(&self.facts, host, direction, self.scope, &mut record);
        let own = judged.outcome();
        let (mut outcome, mut reply) = (own, None);
        if judged.untracked.possible.contains(Ending::Allow) {
            let step = self.reply(host, opposite(direction));
            let both = judged.if_untracked(step.outcome);
            outcome = match both.ending {
                Ending::Allow => Outcome { reason: own.reason, rule: own.rule, ..both },
                _ => both,
            };
            record.lacks(&step.record.missing);
            // A reply that is only perhaps untracked is no part of the story.
            reply = (judged.untracked.ending == Ending::Allow).then_some(step);
        }
        let kind = StepKind::Endpoint { entry: host, direction, role: Role::Own };
        let first = Step { kind, outcome: own, record, facts: self.facts.clone() };
        SideResult { endpoint: Some(host), steps: std::iter::once(first).chain(reply).collect(), outcome }
    }

    fn workload_egress(&self, entry: &'a EndpointEntry) -> SideResult<'a> {
        let mut facts = self.facts.clone();
        facts.to_own_node = self.to_own_node();
        let own_node = facts.to_own_node;
        let mut steps = Vec::new();
        let node = entry.endpoint.node.as_deref();
        if let Some(host) = node.and_then(|node| wildcard(self.cluster, node)) {
            let role = if own_node { Role::PreDnatOnly } else { Role::Forwarded };
            steps.push(self.step(&facts, host, Direction::Ingress, role));
        }
        let principal = steps.len();
        steps.push(self.step(&facts, entry, Direction::Egress, Role::Own));
        if own_node {
            steps.extend(self.endpoint_to_host(&facts));
        } else if self.leaves_node(entry) {
            let interface = facts.context.source_interface.as_deref();
            if let Some(host) = node.and_then(|node| uplink(self.cluster, node, interface, None)) {
                steps.push(self.step(&facts, host, Direction::Egress, Role::Forwarded));
            }
        }
        self.joined(steps, principal, Some(entry))
    }

    fn leaves_node(&self, entry: &EndpointEntry) -> bool {
        entry.endpoint.node.is_some() && self.destination.node() != entry.endpoint.node.as_ref()
    }

    /// `DefaultEndpointToHostAction` (calico.md 7.3).
    fn endpoint_to_host(&self, facts: &Facts<'a>) -> Option<Step<'a>> {
        let mut record = Record::default();
        let outcome = match self.cluster.dialect().endpoint_to_host {
            EndpointToHost::Accept => return None,
            EndpointToHost::Drop => Outcome::deny(Reason::EndpointToHost),
            EndpointToHost::Return => {
                record.missing.push(Missing::HostFirewall);
                Outcome::undecided()
            }
        };
        Some(Step { kind: StepKind::EndpointToHost, outcome, record, facts: facts.clone() })
    }

    fn ingress(&self) -> SideResult<'a> {
        match self.destination {
            Place::Outside => self.side(self.destination, Outcome::allow(Reason::NotPoliced)),
            Place::Unknown => self.side(self.destination, Outcome::deny(Reason::UnknownEndpoint)),
            Place::Host(node) => self.host_ingress(node),
            Place::Workload(entry) => self.workload_ingress(entry),
        }
    }

    /// Host endpoints do not see what workloads of the node send to it but before translation (calico.md 7.3).
    fn host_ingress(&self, node: &'a Name) -> SideResult<'a> {
        let interface = self.facts.context.destination_interface.as_deref();
        let host = uplink(self.cluster, node, interface, self.facts.destination.address);
        let Some(host) = host.filter(|_| !self.to_own_node()) else {
            return self.side(self.destination, Outcome::allow(Reason::NotPoliced));
        };
        self.host(host, Direction::Ingress)
    }

    fn reply(&self, host: &'a EndpointEntry, direction: Direction) -> Step<'a> {
        let mut facts = Facts::new(self.cluster, &self.flow.reversed(), self.facts.context);
        facts.node = host.endpoint.node.clone();
        let mut record = self.new_record();
        let outcome = judge_reply(&facts, host, direction, self.scope, &mut record);
        Step { kind: StepKind::Reply { entry: host, direction }, outcome, record, facts }
    }

    fn workload_ingress(&self, entry: &'a EndpointEntry) -> SideResult<'a> {
        let mut steps = Vec::new();
        let node = entry.endpoint.node.as_ref();
        let interface = self.facts.context.destination_interface.as_deref();
        let mut facts = &self.facts;
        if let Some((behind, receiver)) = &self.behind_node {
            if let Some(host) = uplink(self.cluster, receiver, interface, None) {
                steps.push(self.step(facts, host, Direction::Ingress, Role::Forwarded));
                steps.push(self.step(facts, host, Direction::Egress, Role::Forwarded));
            }
            facts = behind;
        }
        let entered = node.filter(|node| self.source.node() != Some(*node));
        if let Some(host) = entered.and_then(|node| uplink(self.cluster, node, interface, None)) {
            steps.push(self.step(facts, host, Direction::Ingress, Role::Forwarded));
        }
        let principal = steps.len();
        steps.push(self.step(facts, entry, Direction::Ingress, Role::Own));
        if let Some(host) = node.and_then(|node| wildcard(self.cluster, node)) {
            steps.push(self.step(facts, host, Direction::Egress, Role::Forwarded));
        }
        self.joined(steps, principal, Some(entry))
    }

    fn step(
        &self,
        facts: &Facts<'a>,
        entry: &'a EndpointEntry,
        direction: Direction,
        role: Role,
    ) -> Step<'a> {
        let mut record = self.new_record();
        let outcome = judge_at(facts, entry, direction, role, self.scope, &mut record);
        Step { kind: StepKind::Endpoint { entry, direction, role }, outcome, record, facts: facts.clone() }
    }

    fn new_record(&self) -> Record<'a> {
        Record { events: self.story.then(Vec::new), ..Record::default() }
    }

    /// Every step has to allow. Then the reason is that of the principal one: the endpoint's own policy.
    fn joined(
        &self,
        steps: Vec<Step<'a>>,
        principal: usize,
        endpoint: Option<&'a EndpointEntry>,
    ) -> SideResult<'a> {
        let all =
            steps.iter().fold(Outcome::allow(Reason::NotPoliced), |so_far, step| so_far.and(|| step.outcome));
        let outcome = match (all.ending, steps.get(principal)) {
            (Ending::Allow, Some(step)) => {
                Outcome { reason: step.outcome.reason, rule: step.outcome.rule, ..all }
            }
            _ => all,
        };
        SideResult { endpoint, steps, outcome }
    }
}

/// Pods and workload endpoints are one process space; a controller stands for any number of pods.
fn is_single(entry: &EndpointEntry) -> bool {
    matches!(entry.endpoint.key.kind, EndpointKind::Pod | EndpointKind::WorkloadEndpoint)
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ingress => Direction::Egress,
        Direction::Egress => Direction::Ingress,
    }
}
