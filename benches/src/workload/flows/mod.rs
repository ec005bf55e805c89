//! The flows of a workload.

mod along_rules;
mod among_pods;

pub(super) use along_rules::{AlongRules, Target};
pub(super) use among_pods::{AmongPods, Mix};

use super::rng::Rng;
use ipnet::Ipv4Net;
use std::net::{IpAddr, Ipv4Addr};
use tierwall::model::{Flow, Protocol};

/// Which endpoints and rules take part in flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skew {
    /// All alike, which no cache likes.
    Uniform,
    /// A few in most of them: the fourth power of a uniform choice.
    Skewed,
}

impl Skew {
    /// A number below `count`.
    fn choose(self, count: u32, rng: &mut Rng) -> u32 {
        match self {
            Skew::Uniform => rng.below(count),
            Skew::Skewed => rng.skewed(count),
        }
    }
}

/// Where flows of a workload come from and go to.
///
/// Either pods talk with each other and with the world, or flows follow the rules: most of them are such that a rule
/// chosen at random matches, if none before it does. The recipe of the workload says which, and in what mix.
#[derive(Debug, Clone)]
pub struct Traffic(Pattern);

#[derive(Debug, Clone)]
enum Pattern {
    AmongPods(AmongPods),
    AlongRules(AlongRules),
}

impl Traffic {
    pub(super) fn among_pods(pattern: AmongPods) -> Self {
        Traffic(Pattern::AmongPods(pattern))
    }

    pub(super) fn along_rules(pattern: AlongRules) -> Self {
        Traffic(Pattern::AlongRules(pattern))
    }

    /// Has flows among pods go to these ports instead.
    pub(super) fn name_ports(&mut self, ports: Vec<u16>) {
        if let Pattern::AmongPods(pattern) = &mut self.0 {
            pattern.ports = ports;
        }
    }

    /// Has flows among pods that leave the cluster go to these prefixes instead.
    pub(super) fn leave_for(&mut self, prefixes: Vec<Ipv4Net>) {
        if let Pattern::AmongPods(pattern) = &mut self.0 {
            pattern.prefixes = prefixes;
        }
    }

    /// `count` flows.
    pub fn flows(&self, count: usize, skew: Skew, seed: u64) -> Vec<Flow> {
        let mut rng = Rng::new(seed);
        let flow = |_| match &self.0 {
            Pattern::AmongPods(pattern) => pattern.flow(skew, &mut rng),
            Pattern::AlongRules(pattern) => pattern.flow(skew, &mut rng),
        };
        (0..count).map(flow).collect()
    }
}

/// Policies of workloads do not look at source ports.
const SOURCE_PORT: u16 = 40_000;

fn flow(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol, port: u16) -> Flow {
    Flow::new(IpAddr::V4(source), IpAddr::V4(destination), protocol).with_ports(SOURCE_PORT, port)
}

/// Any address within `net`.
pub(super) fn address_in(net: Ipv4Net, rng: &mut Rng) -> Ipv4Addr {
    (u32::from(net.network()) | (rng.bits() & u32::from(net.hostmask()))).into()
}
