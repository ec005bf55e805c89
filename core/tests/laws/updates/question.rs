//! Questions by names that mean the same whatever was edited, and what their answers must have in common.

use crate::engines;
use crate::equality::{Pool, Random};
use std::net::IpAddr;
use tierwall::cluster::{Cluster, Scope};
use tierwall::model::{
    Direction, EndpointId, EndpointKey, Flow, FlowContext, IpVersion, Point, Protocol, Role, Side,
};
use tierwall::{CompileOptions, Snapshot};

/// An end of a flow.
#[derive(Debug, Clone)]
enum End {
    Address(IpAddr),
    Endpoint(EndpointKey),
    Both(EndpointKey, IpAddr),
    Nobody(EndpointId),
}

/// Where a flow is judged besides.
#[derive(Debug, Clone)]
struct Place {
    endpoint: EndpointKey,
    direction: Direction,
    role: Role,
    scope: Scope,
}

/// A flow, what is known of it, and where it is judged besides.
#[derive(Debug, Clone)]
pub(super) struct Question {
    source: End,
    destination: End,
    /// With other ends.
    flow: Flow,
    pub(super) context: FlowContext,
    place: Option<Place>,
}

/// What went wrong, and of what question.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) question: Option<Box<Question>>,
    pub(super) text: String,
}

impl End {
    fn of(side: Side, cluster: &Cluster) -> Self {
        let key = |id| cluster.endpoint(id).map(|entry| entry.endpoint.key.clone());
        match side {
            Side::Address(address) => End::Address(address),
            Side::Endpoint(id) => key(id).map_or(End::Nobody(id), End::Endpoint),
            Side::Both(id, address) => key(id).map_or(End::Nobody(id), |key| End::Both(key, address)),
        }
    }

    fn side(&self, cluster: &Cluster) -> Side {
        let nobody = EndpointId::from(u32::MAX - 1);
        let id = |key| cluster.endpoint_id(key).unwrap_or(nobody);
        match self {
            End::Address(address) => Side::Address(*address),
            End::Endpoint(key) => Side::Endpoint(id(key)),
            End::Both(key, address) => Side::Both(id(key), *address),
            End::Nobody(id) => Side::Endpoint(*id),
        }
    }
}

impl Question {
    fn new(cluster: &Cluster, flow: Flow, context: FlowContext, place: Option<Place>) -> Self {
        let (source, destination) = (End::of(flow.source(), cluster), End::of(flow.destination(), cluster));
        Question { source, destination, flow, context, place }
    }

    /// The same of a flow of which nothing else is known.
    pub(super) fn without_context(&self) -> Self {
        Question { context: FlowContext::default(), ..self.clone() }
    }

    /// The flow in a cluster.
    pub(super) fn flow(&self, cluster: &Cluster) -> Flow {
        self.flow.with_source(self.source.side(cluster)).with_destination(self.destination.side(cluster))
    }

    /// All answer as what was compiled afresh, and as the reference does where it can be asked: it knows of no node that
    /// is compiled alone.
    pub(super) fn check(
        &self,
        cluster: &Cluster,
        options: &CompileOptions,
        fresh: &Snapshot,
        others: &[(&str, &Snapshot)],
    ) -> Result<(), Failure> {
        let (flow, context) = (self.flow(cluster), &self.context);
        let failure = |text| Failure { question: Some(Box::new(self.clone())), text };
        let point = self.place.as_ref().and_then(|place| {
            let &Place { ref endpoint, direction, role, scope } = place;
            Some((Point { endpoint: cluster.endpoint_id(endpoint)?, direction, role }, scope))
        });
        let answers = |snapshot: &Snapshot| {
            let judged = point.map(|(point, scope)| {
                let judged = snapshot.judge(point, &flow, context, scope);
                (judged.action, judged.reason, judged.rule)
            });
            (snapshot.evaluate(&flow, context), snapshot.verdict(&flow, context), judged)
        };
        let expected = answers(fresh);
        for (name, snapshot) in others {
            let found = answers(snapshot);
            if found != expected {
                let text = format!("{flow:?}, {name}: {found:?},\ncompiled afresh: {expected:?}");
                return Err(failure(text));
            }
        }
        if options.node.is_none() {
            engines::evaluate(cluster, fresh, &flow, context)
                .and_then(|_| match point {
                    Some((point, scope)) => {
                        engines::judge(cluster, fresh, point, &flow, context, scope).map(drop)
                    }
                    None => Ok(()),
                })
                .map_err(|text| failure(format!("compiled afresh, too, {text}")))?;
        }
        Ok(())
    }
}

/// Questions about all that is in play in a cluster.
pub(super) struct Play<'a> {
    cluster: &'a Cluster,
    pool: Pool,
    contexts: &'a [FlowContext],
    sides: Vec<Side>,
    edges: Vec<IpAddr>,
    ports: Vec<u16>,
}

impl<'a> Play<'a> {
    pub(super) fn new(cluster: &'a Cluster, contexts: &'a [FlowContext]) -> Self {
        let of_endpoints = cluster.endpoints().flat_map(|entry| {
            let addresses = entry.endpoint.addresses.iter();
            let at = addresses.flat_map(|address| [Side::Address(*address), Side::Both(entry.id, *address)]);
            at.chain([Side::Endpoint(entry.id)])
        });
        let of_services = cluster.services().flat_map(|service| &service.addresses);
        let of_nodes = cluster.nodes().flat_map(|node| &node.addresses);
        let sides = of_endpoints.chain(of_services.chain(of_nodes).copied().map(Side::Address)).collect();
        let rules = cluster
            .policies()
            .flat_map(|entry| entry.policy.ingress.iter().chain(&entry.policy.egress).flatten());
        let ends: Vec<_> = rules.flat_map(|rule| [&rule.source, &rule.destination]).collect();
        let of_rules = ends.iter().flat_map(|end| end.nets.iter().chain(&end.not_nets));
        let of_sets = cluster.network_sets().flat_map(|entry| &entry.set.nets);
        let mut edges: Vec<IpAddr> =
            of_rules.chain(of_sets).flat_map(|net| [net.network(), net.broadcast()]).collect();
        edges.sort_unstable();
        edges.dedup();
        let ranges = ends.iter().flat_map(|end| end.ports.ranges.iter().chain(&end.not_ports.ranges));
        let ranges = ranges.flat_map(|range| {
            [range.first().saturating_sub(1), range.first(), range.last(), range.last().saturating_add(1)]
        });
        let names = cluster.endpoints().flat_map(|entry| entry.endpoint.ports.iter().map(|port| port.port));
        let mut ports: Vec<u16> = ranges.chain(names).chain([0, 80, 8000, 30_080, u16::MAX]).collect();
        ports.sort_unstable();
        ports.dedup();
        Play { cluster, pool: Pool::new(cluster, contexts.into()), contexts, sides, edges, ports }
    }

    /// Half of them from the tables of words, which find what is rare; half from what is there.
    pub(super) fn questions(&self, fresh: &Snapshot, random: &mut Random, count: usize) -> Vec<Question> {
        let one = |number: usize| {
            let (flow, context) = if number.is_multiple_of(2) {
                let drawn = self.pool.draw(fresh, random);
                (drawn.flow, drawn.context.clone())
            } else {
                let context = if random.one_in(3) { random.pick(self.contexts) } else { &self.contexts[0] };
                (self.flow(random), context.clone())
            };
            let place = if random.one_in(3) { self.place(random) } else { None };
            Question::new(self.cluster, flow, context, place)
        };
        (0..count).map(one).collect()
    }

    fn flow(&self, random: &mut Random) -> Flow {
        let source = self.side(random, None);
        let family = match source {
            Side::Address(address) | Side::Both(_, address) => Some(IpVersion::of(address)),
            Side::Endpoint(_) => None,
        };
        let destination = self.side(random, family);
        let protocols =
            [Protocol::TCP, Protocol::TCP, Protocol::TCP, Protocol::UDP, Protocol::SCTP, Protocol::ICMP];
        Flow::new(source, destination, *random.pick(&protocols))
            .with_ports(*random.pick(&[40_000, 40_000, 80]), *random.pick(&self.ports))
            .with_icmp(*random.pick(&[3, 8]), 0)
    }

    /// A side, of a family if it has one and one is wanted, and found soon.
    fn side(&self, random: &mut Random, family: Option<IpVersion>) -> Side {
        let any = |random: &mut Random| match random.below(4) {
            0 if !self.edges.is_empty() => Side::Address(near(*random.pick(&self.edges), random)),
            _ if !self.sides.is_empty() => *random.pick(&self.sides),
            _ => Side::Address([192, 0, 2, 10].into()),
        };
        let mut side = any(random);
        for _ in 0..4 {
            match (side, family) {
                (Side::Address(address) | Side::Both(_, address), Some(family))
                    if IpVersion::of(address) != family =>
                {
                    side = any(random);
                }
                _ => break,
            }
        }
        side
    }

    fn place(&self, random: &mut Random) -> Option<Place> {
        let endpoints: Vec<_> = self.cluster.endpoints().collect();
        if endpoints.is_empty() {
            return None;
        }
        Some(Place {
            endpoint: random.pick(&endpoints).endpoint.key.clone(),
            direction: *random.pick(&[Direction::Egress, Direction::Ingress]),
            role: *random.pick(&[Role::Own, Role::Own, Role::Forwarded, Role::PreDnatOnly]),
            scope: *random.pick(&[Scope::Enforced, Scope::Pending]),
        })
    }
}

/// The address, or a neighbour.
fn near(address: IpAddr, random: &mut Random) -> IpAddr {
    let step = *random.pick(&[0, 0, 1, u8::MAX]);
    let nudged = |last: &mut u8| *last = last.wrapping_add(step);
    match address {
        IpAddr::V4(v4) => {
            let mut octets = v4.octets();
            nudged(&mut octets[3]);
            octets.into()
        }
        IpAddr::V6(v6) => {
            let mut octets = v6.octets();
            nudged(&mut octets[15]);
            octets.into()
        }
    }
}
