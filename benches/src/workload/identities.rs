//! Groups of like endpoints with policies for egress.

use super::flows::{AlongRules, Target, Traffic};
use super::objects::{
    Author, Pods, Rules, in_network_set, label, namespace, network_set, peer as peer_with, peer_in,
    ports_from, prefix, tier,
};
use super::rng::{Rng, index, length};
use super::{Recipe, Workload};
use ipnet::{IpNet, Ipv4Net};
use std::iter;
use std::net::Ipv4Addr;
use std::ops::Range;
use tierwall::lower::{Lowered, labels};
use tierwall::model::{DefaultAction, Direction, EntityMatch, Name, Protocol, RuleAction};
use tierwall::selector::Selector;

const KEY: &str = "indexing";
const TIER: &str = "identities";
const FIRST_ADDRESS: u32 = 0x0A01_0000;
const DNS: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 10);
/// Addresses, ports and names in one rule.
const PER_RULE: u32 = 5;

/// Endpoints of one namespace with few distinct sets of labels. Five policies select each of them, all for egress: to
/// another identity, to addresses, to ports of another identity, to ports of addresses, and to DNS and what it was asked
/// for. The last are names there; here, they are a network set of the addresses behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identities {
    /// Distinct sets of labels.
    pub identities: u32,
    /// Endpoints with each of them.
    pub endpoints_per_identity: u32,
}

impl Identities {
    /// The numbers of the endpoints of an identity.
    fn members(&self, identity: u32) -> Range<u32> {
        let first = identity * self.endpoints_per_identity;
        first..first + self.endpoints_per_identity
    }
}

impl Recipe for Identities {
    fn generate(&self, seed: u64) -> Workload {
        let (namespace_name, key): (Name, Name) = ("load".into(), KEY.into());
        let count = self.identities * self.endpoints_per_identity;
        let subjects: Vec<Ipv4Addr> = (0..count).map(|pod| (FIRST_ADDRESS + pod).into()).collect();
        let pods = Pods::new();
        let mut objects = vec![tier(TIER, 100.0, DefaultAction::Deny).into()];
        objects.push(namespace(&namespace_name, iter::empty()));
        let profiles = labels::workload_profiles(&namespace_name, None);
        for (number, address) in (0..).zip(&subjects) {
            let labels = [(key.clone(), identity(number / self.endpoints_per_identity))];
            let name = format!("pod-{number}").into();
            objects.push(pods.pod(&namespace_name, name, *address, labels, profiles.clone()));
        }
        let mut writer = Writer {
            recipe: self,
            rng: Rng::new(seed),
            // The endpoints come first, so that their numbers are those of their addresses.
            peers: subjects.iter().map(|address| prefix(*address, 32)).collect(),
            targets: Vec::new(),
        };
        let mut author = Author::new(TIER);
        for number in 0..self.identities {
            let (set, policies) = writer.policies(number);
            objects.push(set);
            for rules in policies {
                author.push(Some(&namespace_name), of_identity(number), false, rules);
            }
        }
        objects.extend(author.policies.into_iter().map(Lowered::from));
        let Writer { peers, targets, .. } = writer;
        let traffic = AlongRules { direction: Direction::Egress, subjects, peers, targets };
        Workload { objects, traffic: Traffic::along_rules(traffic) }
    }
}

fn identity(number: u32) -> Name {
    format!("id-{number}").into()
}

fn of_identity(number: u32) -> Selector {
    label(KEY, &identity(number))
}

/// Writes rules, and down what they match.
struct Writer<'a> {
    recipe: &'a Identities,
    rng: Rng,
    peers: Vec<Ipv4Net>,
    targets: Vec<Target>,
}

/// What a rule asks of the other end, and the members of [`Writer::peers`] that match.
type Peer = (EntityMatch, Range<u32>);

impl Writer<'_> {
    /// A network set, and the rules of the five policies of an identity.
    fn policies(&mut self, subject: u32) -> (Lowered, [Rules; 5]) {
        let (tcp, udp) = (Some(Protocol::TCP), Some(Protocol::UDP));
        let mut policies: [Rules; 5] = Default::default();
        let [identity, addresses, identity_ports, address_ports, names] = &mut policies;
        let peer = self.any_identity();
        self.allow(identity, subject, peer, None, &[]);
        let peer = self.any_addresses();
        self.allow(addresses, subject, peer, None, &[]);
        let (peer, ports) = (self.any_identity(), self.any_ports());
        self.allow(identity_ports, subject, peer, tcp, &ports);
        let (peer, ports) = (self.any_addresses(), self.any_ports());
        self.allow(address_ports, subject, peer, tcp, &ports);
        for protocol in [udp, tcp] {
            let dns = self.listed(vec![prefix(DNS, 32)]);
            self.allow(names, subject, dns, protocol, &[53]);
        }
        let (_, members) = self.any_addresses();
        let nets = self.peers.get(index(members.start)..).unwrap_or_default();
        let set = network_set(subject, nets);
        self.allow(names, subject, (peer_with(in_network_set(subject)), members), None, &[]);
        (set, policies)
    }

    fn allow(
        &mut self,
        rules: &mut Rules,
        subject: u32,
        peer: Peer,
        protocol: Option<Protocol>,
        ports: &[u16],
    ) {
        let (criteria, peers) = peer;
        let ranges = ports.iter().map(|port| ports_from(*port, 0)).collect();
        rules.push(Direction::Egress, RuleAction::Allow, protocol, criteria, ranges);
        self.targets.push(Target {
            subjects: self.recipe.members(subject),
            peers,
            protocol: protocol.unwrap_or(Protocol::TCP),
            port: ports.first().copied(),
        });
    }

    fn any_identity(&mut self) -> Peer {
        let number = self.rng.below(self.recipe.identities);
        (peer_with(of_identity(number)), self.recipe.members(number))
    }

    fn any_addresses(&mut self) -> Peer {
        let net = |rng: &mut Rng| prefix((177 << 24 | rng.below(1 << 24)).into(), 32);
        let nets = (0..PER_RULE).map(|_| net(&mut self.rng)).collect();
        self.listed(nets)
    }

    fn listed(&mut self, nets: Vec<Ipv4Net>) -> Peer {
        let first = length(&self.peers);
        self.peers.extend(&nets);
        (peer_in(nets.into_iter().map(IpNet::V4).collect()), first..length(&self.peers))
    }

    fn any_ports(&mut self) -> Vec<u16> {
        (0..PER_RULE).map(|_| self.rng.port_from(1, 65_000)).collect()
    }
}
