//! Rule sets of five-tuples in the style of ClassBench (Taylor, Turner, "ClassBench: A Packet Classification Benchmark").

mod styles;

pub use styles::Style;

use super::flows::{AlongRules, Target, Traffic};
use super::objects::{Author, Rules, edge, label, peer_in, ports_from, prefix};
use super::rng::{Rng, index, length};
use super::{Recipe, Workload};
use ipnet::{IpNet, Ipv4Net};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use styles::{Ports, Shares};
use tierwall::lower::Lowered;
use tierwall::model::{Direction, EntityMatch, PortRange, Protocol, RuleAction};

const TIER: &str = "classifier";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 10);
const RULES_PER_POLICY: usize = 100;
/// Out of 100 prefixes, those around an address close to another one, as of one site.
const NEARBY: u32 = 60;
/// A rule that is there already is drawn again so many times.
const DRAWS: usize = 100;

/// Global policies of one tier that all govern egress of one endpoint; every other rule allows.
///
/// A rule of a classifier is about two prefixes. Here the endpoint is what the shorter one of them stands for, and the
/// longer one is the peer: what is left is a prefix, a protocol and the ports of the destination. Source ports are not
/// tested: they are not part of the fast form, and the baselines do not know them. Rules for longer prefixes come first,
/// so that none is hidden by one around it.
///
/// The shares of `acl1` and `fw1` were counted in the rule sets of 10,000 rules that are published with NeuroCuts; those
/// of `ipc1` were estimated from a part of one.
#[derive(Debug, Clone, Copy)]
pub struct FiveTuples {
    /// What the rules look like.
    pub style: Style,
    /// How many there are, at most: all are different.
    pub rules: usize,
}

/// What a rule matches.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Tuple {
    net: Ipv4Net,
    protocol: Option<Protocol>,
    ports: Option<PortRange>,
}

impl Recipe for FiveTuples {
    fn generate(&self, seed: u64) -> Workload {
        let mut rng = Rng::new(seed);
        let tuples = self.tuples(&mut rng);
        let mut author = Author::new(TIER);
        for (number, tuples) in tuples.chunks(RULES_PER_POLICY).enumerate() {
            author.push(None, label("app", "edge"), false, rules(number * RULES_PER_POLICY, tuples));
        }
        let mut objects = edge(TIER, ADDRESS);
        objects.extend(author.policies.into_iter().map(Lowered::from));
        let targets = (0..).zip(&tuples).map(|(number, tuple)| target(number, tuple)).collect();
        let traffic = AlongRules {
            direction: Direction::Egress,
            subjects: vec![ADDRESS],
            peers: tuples.iter().map(|tuple| tuple.net).collect(),
            targets,
        };
        Workload { objects, traffic: Traffic::along_rules(traffic) }
    }
}

impl FiveTuples {
    /// Different ones, those of the longest prefixes first.
    fn tuples(&self, rng: &mut Rng) -> Vec<Tuple> {
        let shares = self.style.shares();
        let addresses = addresses(self.rules * index(shares.addresses) / 100, rng);
        let (mut tuples, mut known) = (Vec::with_capacity(self.rules), HashSet::new());
        for _ in 0..self.rules {
            let new = (0..DRAWS).find_map(|_| {
                let tuple = draw(shares, &addresses, rng);
                known.insert(tuple.clone()).then_some(tuple)
            });
            tuples.extend(new);
        }
        tuples.sort_by_key(|tuple| Reverse(tuple.net.prefix_len()));
        tuples
    }
}

fn addresses(count: usize, rng: &mut Rng) -> Vec<Ipv4Addr> {
    let mut addresses: Vec<Ipv4Addr> = Vec::with_capacity(count);
    for _ in 0..count.max(1) {
        let near =
            if !addresses.is_empty() && rng.percent(NEARBY) { Some(*rng.pick(&addresses)) } else { None };
        let address = match near {
            Some(near) => u32::from(near) ^ rng.below(1 << 12),
            None => rng.bits(),
        };
        addresses.push(address.into());
    }
    addresses
}

fn draw(shares: &Shares, addresses: &[Ipv4Addr], rng: &mut Rng) -> Tuple {
    let [one, other] = share(shares.pairs, rng);
    let (protocol, class) = share(shares.traffic, rng);
    let ports = match class {
        Ports::Any => None,
        Ports::High => Some(ports_from(1_024, u16::MAX)),
        Ports::Low => Some(ports_from(0, 1_023)),
        Ports::Range => {
            let (first, last) = *rng.pick(shares.ranges);
            Some(ports_from(first, last - first))
        }
        Ports::Exact => {
            let frequent = index(rng.falling(length(shares.exact)));
            shares.exact.get(frequent).map(|port| PortRange::from(*port))
        }
    };
    let net = prefix(*rng.pick(addresses), one.max(other));
    Tuple { net, protocol: protocol.map(Protocol::from), ports }
}

/// One of the members, each as often as its share says.
fn share<T: Copy + Default>(members: &[(u32, T)], rng: &mut Rng) -> T {
    let mut at = rng.below(members.iter().map(|(share, _)| share).sum());
    for (share, member) in members {
        match at.checked_sub(*share) {
            Some(rest) => at = rest,
            None => return *member,
        }
    }
    T::default()
}

fn rules(first: usize, tuples: &[Tuple]) -> Rules {
    let mut rules = Rules::default();
    for (number, Tuple { net, protocol, ports }) in (first..).zip(tuples) {
        let action = if number.is_multiple_of(2) { RuleAction::Allow } else { RuleAction::Deny };
        let peer =
            if net.prefix_len() == 0 { EntityMatch::default() } else { peer_in(vec![IpNet::V4(*net)]) };
        rules.push(Direction::Egress, action, *protocol, peer, ports.iter().copied().collect());
    }
    rules
}

/// Of ports, the first.
fn target(number: u32, tuple: &Tuple) -> Target {
    Target {
        subjects: 0..1,
        peers: number..number + 1,
        protocol: tuple.protocol.unwrap_or(Protocol::TCP),
        port: tuple.ports.map(PortRange::first),
    }
}
