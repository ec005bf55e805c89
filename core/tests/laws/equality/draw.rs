//! Questions by the thousand: drawn from tables made once a world.

use super::random::Random;
use crate::generate::{Ask, End, NETS_V4, NETS_V6, OUTSIDE};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tierwall::Snapshot;
use tierwall::cluster::Cluster;
use tierwall::model::{Direction, Flow, FlowContext, Protocol, Reason, Side};

const PROTOCOLS: [Protocol; 16] = {
    let (tcp, udp, sctp) = (Protocol::TCP, Protocol::UDP, Protocol::SCTP);
    let (icmp, icmpv6) = (Protocol::ICMP, Protocol::ICMPV6);
    [tcp, tcp, tcp, tcp, tcp, tcp, tcp, tcp, udp, udp, sctp, icmp, icmp, icmp, icmpv6, Protocol::UDPLITE]
};
const NODES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(10, 1, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 1, 0, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd01, 0, 0, 0, 0, 0, 0, 2)),
];
const PORTS: [u16; 15] = [0, 7, 22, 53, 68, 80, 81, 85, 90, 443, 6443, 8000, 8080, 30_080, 65_535];
const SOURCE_PORTS: [u16; 6] = [40_000, 40_000, 80, 90, 8080, 22];

/// The places of some kinds of ends in a pool.
const PODS_KIND: usize = 0;
const NODES_KIND: usize = 2;
const OUTSIDE_KIND: usize = 4;
const SERVICES_KIND: usize = 8;

/// What questions about one world are drawn from.
pub(crate) struct Pool {
    ends: Vec<Vec<(End, Side)>>,
    /// Numbers of the kinds of ends, each as often as it shall come.
    sources: Vec<usize>,
    destinations: Vec<usize>,
    /// Pods, each with an address of the node that it is on.
    at_home: Vec<[(End, Side); 2]>,
    contexts: Vec<FlowContext>,
}

/// A question.
pub(crate) struct Drawn<'a> {
    source: &'a End,
    destination: &'a End,
    pub(crate) flow: Flow,
    pub(crate) context: &'a FlowContext,
}

fn addresses(texts: impl IntoIterator<Item = String>) -> Vec<End> {
    texts.into_iter().map(|text| End::Address(text.parse().unwrap())).collect()
}

/// The first and last address of each range, and their neighbours.
fn edges() -> Vec<End> {
    let of = |net: ipnet::IpNet| {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let (first, last) = (bits(net.network()), bits(net.broadcast()));
        let is_v4 = matches!(net, ipnet::IpNet::V4(_));
        let address = move |bits: u128| match u32::try_from(bits) {
            Ok(bits) if is_v4 => IpAddr::from(bits.to_be_bytes()),
            _ => IpAddr::from(bits.to_be_bytes()),
        };
        [first, last, first.wrapping_sub(1), last.wrapping_add(1)].map(address)
    };
    let nets = NETS_V4.iter().chain(&NETS_V6).map(|text| text.parse().unwrap());
    nets.flat_map(of).map(End::Address).collect()
}

fn at_home(cluster: &Cluster) -> Vec<[(End, Side); 2]> {
    let pairs = (0..6).map(End::Pod).flat_map(|pod| {
        let side = pod.side(cluster);
        let id = if let Side::Endpoint(id) = side { Some(id) } else { None };
        let name = id.and_then(|id| cluster.endpoint(id)?.endpoint.node.as_deref());
        let node = name.and_then(|name| cluster.node(name));
        let addresses = node.map(|node| node.addresses.clone()).unwrap_or_default();
        addresses
            .into_iter()
            .map(move |node| [(pod.clone(), side), (End::Address(node), Side::Address(node))])
    });
    pairs.collect()
}

impl Pool {
    pub(crate) fn new(cluster: &Cluster, contexts: Vec<FlowContext>) -> Self {
        let pods = || (0..6).map(End::Pod).collect::<Vec<_>>();
        let at = |address: &str| -> IpAddr { address.parse().unwrap() };
        let of_pods = || (1..=6).flat_map(|last| [format!("10.0.0.{last}"), format!("fd00::{last}")]);
        let others = vec![
            End::Workload("red", "shop"),
            End::Workload("red", "n0-vm-vm0-eth0"),
            End::Workload("red", "n1-vm-vm0-eth0"),
            End::Address(at("10.0.0.100")),
            End::PodAt(0, at("10.0.0.1")),
            End::PodAt(1, at("fd00::2")),
            End::PodAt(2, at("10.0.0.1")),
            End::PodAt(3, at("192.0.2.10")),
        ];
        let services = addresses(["10.96.0.1", "10.96.0.2"].map(str::to_owned));
        let odd = vec![End::Pod(0), End::Pod(1), End::Nobody(u32::MAX - 1), End::Nobody(4000)];
        // How often each comes as a source, and as a destination.
        let kinds = [
            (10, 10, pods()),
            (5, 5, addresses(of_pods())),
            (2, 5, NODES.map(End::Address).into()),
            (1, 1, (0..4).map(End::HostEndpoint).collect()),
            (6, 6, addresses(OUTSIDE.map(str::to_owned))),
            (2, 2, others),
            (1, 1, edges()),
            (1, 1, odd),
            (0, 3, services),
        ];
        let turns = |often: fn(&(usize, usize, Vec<End>)) -> usize| {
            kinds
                .iter()
                .enumerate()
                .flat_map(|(number, kind)| std::iter::repeat_n(number, often(kind)))
                .collect()
        };
        let (sources, destinations) = (turns(|kind| kind.0), turns(|kind| kind.1));
        let known = |end: End| {
            let side = end.side(cluster);
            (end, side)
        };
        let ends = kinds.into_iter().map(|(_, _, ends)| ends.into_iter().map(known).collect()).collect();
        Pool { ends, sources, destinations, at_home: at_home(cluster), contexts }
    }

    fn end(&self, random: &mut Random, turns: &[usize]) -> &(End, Side) {
        let kind = *random.pick(turns);
        self.kind(random, kind)
    }

    fn kind(&self, random: &mut Random, kind: usize) -> &(End, Side) {
        random.pick(&self.ends[kind])
    }

    /// A question that something rare decides, or a rule, if one is found soon.
    pub(crate) fn draw(&self, snapshot: &Snapshot, random: &mut Random) -> Drawn<'_> {
        let dull = |drawn: &Drawn<'_>| {
            let verdict = snapshot.verdict(&drawn.flow, drawn.context);
            [Direction::Egress, Direction::Ingress]
                .map(|direction| verdict.reason(direction))
                .iter()
                .all(is_dull)
        };
        let mut drawn = self.any(random);
        for _ in 0..12 {
            if dull(&drawn) {
                drawn = self.any(random);
            }
        }
        drawn
    }

    fn any(&self, random: &mut Random) -> Drawn<'_> {
        let (mut from, mut to) = (self.end(random, &self.sources), self.end(random, &self.destinations));
        // Often what goes to itself, to its own node, to a service or out of the cluster or into it.
        match random.below(34) {
            0 => to = from,
            1..=4 | 16 | 17 if !self.at_home.is_empty() => {
                let [pod, node] = random.pick(&self.at_home);
                (from, to) = (pod, node);
            }
            5..=7 => (from, to) = (self.kind(random, OUTSIDE_KIND), self.kind(random, NODES_KIND)),
            8..=11 => (from, to) = (self.kind(random, PODS_KIND), self.kind(random, SERVICES_KIND)),
            12..=14 => (from, to) = (self.kind(random, PODS_KIND), self.kind(random, OUTSIDE_KIND)),
            15 => (from, to) = (self.kind(random, OUTSIDE_KIND), self.kind(random, PODS_KIND)),
            _ => {}
        }
        let (mut protocol, mut port) = (*random.pick(&PROTOCOLS), *random.pick(&PORTS));
        // Most of what goes to services goes to their ports.
        if !random.one_in(4) {
            match to.0 {
                End::Address(IpAddr::V4(v4)) if v4.octets()[1] == 96 => {
                    (protocol, port) = (Protocol::TCP, 8000);
                }
                End::Address(node) if NODES.contains(&node) => (protocol, port) = (Protocol::TCP, 30_080),
                _ => {}
            }
        }
        let icmp = (*random.pick(&[3, 8, 128]), u8::try_from(random.below(2)).unwrap());
        let flow = Flow::new(from.1, to.1, protocol)
            .with_ports(*random.pick(&SOURCE_PORTS), port)
            .with_icmp(icmp.0, icmp.1);
        Drawn { source: &from.0, destination: &to.0, flow, context: random.pick(&self.contexts) }
    }
}

/// A reason that most questions have.
fn is_dull(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::NotPoliced
            | Reason::ProfileRule
            | Reason::TierDefault
            | Reason::SelfTraffic
            | Reason::UnknownEndpoint
            | Reason::NoBackend
    )
}

impl Drawn<'_> {
    /// The question in words that mean the same in every cluster.
    pub(super) fn ask(&self) -> Ask {
        let Drawn { source, destination, flow, context } = *self;
        Ask {
            source: source.clone(),
            destination: destination.clone(),
            protocol: flow.protocol(),
            ports: (flow.source_port(), flow.destination_port()),
            icmp: flow.icmp(),
            context: context.clone(),
        }
    }
}
