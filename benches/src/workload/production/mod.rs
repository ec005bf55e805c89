//! One endpoint that thousands of rules govern.

mod sets;

pub(super) use sets::SET_SIZES;
pub use sets::SetSizes;

use super::flows::{AlongRules, Target, Traffic};
use super::objects::{
    Author, Rules, edge, in_network_set, label, network_set, peer, peer_in, ports_from, prefix,
};
use super::rng::{Rng, index, length};
use super::{Recipe, Workload};
use ipnet::{IpNet, Ipv4Net};
use sets::Sets;
use std::iter;
use std::net::Ipv4Addr;
use std::ops::Range;
use tierwall::lower::Lowered;
use tierwall::model::{Direction, EntityMatch, PortRange, Protocol, RuleAction};

const TIER: &str = "perimeter";
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 10);
/// The port that no flow along the rules goes to.
const GUARD_PORT: u16 = 65_001;
const COMMON_PORTS: [u16; 10] = [443, 80, 8443, 8080, 5432, 1433, 3306, 1521, 22, 389];
const PORTS: usize = 8_000;

/// Policies that all govern one endpoint, most rules of which pass the flow on, and network sets of very different sizes.
#[derive(Debug, Clone, Copy)]
pub struct Production {
    /// What the rules govern.
    pub direction: Direction,
    /// What they ask for.
    pub form: RuleForm,
    /// Policies, in one tier that denies at its end.
    pub policies: u32,
    /// Rules of each policy.
    pub rules_per_policy: u32,
    /// Out of 1,000 rules, those that refer to a network set.
    pub references_per_mille: u32,
    /// Rules that deny.
    pub denies: u32,
    /// Rules that allow. All others pass.
    pub allows: u32,
    /// The network sets.
    pub sets: &'static [SetSizes],
}

/// The criteria of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleForm {
    /// One to six of 8,000 TCP ports or ranges of them, and a network set or one prefix.
    AllowList,
    /// A network set, or a port that nobody uses.
    Guarded,
}

/// A rule, and what it matches.
struct Drawn {
    peer: EntityMatch,
    ports: Vec<PortRange>,
    peers: Range<u32>,
    port: Option<u16>,
}

impl Recipe for Production {
    fn generate(&self, seed: u64) -> Workload {
        let mut rng = Rng::new(seed);
        let Sets { mut members, ranges } = Sets::generate(self.sets, &mut rng);
        let mut objects = edge(TIER, ADDRESS);
        for (number, range) in (0..).zip(&ranges) {
            objects
                .push(network_set(number, members.get(index(range.start)..index(range.end)).unwrap_or(&[])));
        }
        let ports = ports(&mut rng);
        let mut author = Author::new(TIER);
        let mut targets = Vec::new();
        for policy in 0..self.policies {
            let mut rules = Rules::default();
            for rule in 0..self.rules_per_policy {
                let action = self.action(policy * self.rules_per_policy + rule);
                let drawn = self.draw(&ranges, &mut members, &ports, &mut rng);
                let Drawn { peer, ports, peers, port } = drawn;
                let protocol = (!ports.is_empty()).then_some(Protocol::TCP);
                rules.push(self.direction, action, protocol, peer, ports);
                if port != Some(GUARD_PORT) {
                    targets.push(Target { subjects: 0..1, peers, protocol: Protocol::TCP, port });
                }
            }
            author.push(None, label("app", "edge"), false, rules);
        }
        objects.extend(author.policies.into_iter().map(Lowered::from));
        let traffic =
            AlongRules { direction: self.direction, subjects: vec![ADDRESS], peers: members, targets };
        Workload { objects, traffic: Traffic::along_rules(traffic) }
    }
}

impl Production {
    /// What the rule of this number does. Those that do not pass are spread evenly.
    fn action(&self, number: u32) -> RuleAction {
        let exceptions = self.denies + self.allows;
        let distance = self.policies * self.rules_per_policy / exceptions.max(1);
        let exception = (number % distance.max(1) == distance / 2).then_some(number / distance.max(1));
        match exception {
            Some(number) if number < self.denies => RuleAction::Deny,
            Some(number) if number < exceptions => RuleAction::Allow,
            _ => RuleAction::Pass,
        }
    }

    /// A prefix that a rule spells out joins the `members` of network sets, for flows to choose from.
    fn draw(&self, sets: &[Range<u32>], members: &mut Vec<Ipv4Net>, ports: &[u16], rng: &mut Rng) -> Drawn {
        let ports: Vec<PortRange> = match self.form {
            RuleForm::AllowList => (0..rng.range(1, 6)).map(|_| port_range(ports, rng)).collect(),
            RuleForm::Guarded => Vec::new(),
        };
        let port = ports.first().map(|range| range.first());
        if rng.below(1_000) < self.references_per_mille {
            let number = rng.below(length(sets));
            let peers = sets.get(index(number)).cloned().unwrap_or_default();
            return Drawn { peer: peer(in_network_set(number)), ports, peers, port };
        }
        match self.form {
            RuleForm::AllowList => {
                let net = inline_prefix(rng);
                let first = length(members);
                members.push(net);
                Drawn { peer: peer_in(vec![IpNet::V4(net)]), ports, peers: first..first + 1, port }
            }
            RuleForm::Guarded => {
                let ports = vec![ports_from(GUARD_PORT, 0)];
                Drawn { peer: EntityMatch::default(), ports, peers: 0..0, port: Some(GUARD_PORT) }
            }
        }
    }
}

/// The common ones first.
fn ports(rng: &mut Rng) -> Vec<u16> {
    let others = iter::repeat_with(|| rng.port_from(1_024, 65_000));
    COMMON_PORTS.into_iter().chain(others).take(PORTS).collect()
}

fn port_range(ports: &[u16], rng: &mut Rng) -> PortRange {
    let port = if rng.percent(10) { *rng.pick(&COMMON_PORTS) } else { *rng.pick(ports) };
    ports_from(port, if rng.percent(5) { 30 } else { 0 })
}

/// A prefix of 10.0.0.0/8.
fn inline_prefix(rng: &mut Rng) -> Ipv4Net {
    let address = 10 << 24 | rng.below(1 << 24);
    prefix(address.into(), *rng.pick(&[32, 32, 32, 28, 24, 24, 22, 20, 16]))
}
