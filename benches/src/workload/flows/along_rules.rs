//! Flows that the rules are about.

use super::{Skew, address_in, flow};
use crate::workload::rng::{Rng, index, length};
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;
use std::ops::Range;
use tierwall::model::{Direction, Flow, Protocol};

/// Out of 100 flows, those that go to any port of any address.
const MISSES: u32 = 10;

/// Flows of which each follows a rule, but for one in ten.
#[derive(Debug, Clone)]
pub(in crate::workload) struct AlongRules {
    /// What the rules govern.
    pub(in crate::workload) direction: Direction,
    /// The endpoints that the rules govern.
    pub(in crate::workload) subjects: Vec<Ipv4Addr>,
    /// Where the other ends of the rules are.
    pub(in crate::workload) peers: Vec<Ipv4Net>,
    /// One for each rule.
    pub(in crate::workload) targets: Vec<Target>,
}

/// What a rule matches.
#[derive(Debug, Clone)]
pub(in crate::workload) struct Target {
    /// Members of [`AlongRules::subjects`].
    pub(in crate::workload) subjects: Range<u32>,
    /// Members of [`AlongRules::peers`]; of none, any address will do.
    pub(in crate::workload) peers: Range<u32>,
    pub(in crate::workload) protocol: Protocol,
    /// `None` if any will do.
    pub(in crate::workload) port: Option<u16>,
}

impl AlongRules {
    pub(super) fn flow(&self, skew: Skew, rng: &mut Rng) -> Flow {
        let target = self.targets.get(index(skew.choose(length(&self.targets), rng)));
        let subjects = target.map_or(0..0, |target| target.subjects.clone());
        let subject = member(&self.subjects, subjects, rng).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let target = target.filter(|_| !rng.percent(MISSES));
        let peers = target.map_or(0..0, |target| target.peers.clone());
        let peer = match member(&self.peers, peers, rng) {
            Some(net) => address_in(net, rng),
            None => rng.bits().into(),
        };
        let port = target.and_then(|target| target.port).unwrap_or_else(|| rng.port());
        let protocol = target.map_or(Protocol::TCP, |target| target.protocol);
        match self.direction {
            Direction::Ingress => flow(peer, subject, protocol, port),
            Direction::Egress => flow(subject, peer, protocol, port),
        }
    }
}

/// One of the members of `list` in `range`.
fn member<T: Copy>(list: &[T], range: Range<u32>, rng: &mut Rng) -> Option<T> {
    let members = list.get(index(range.start)..index(range.end))?;
    (!members.is_empty()).then(|| *rng.pick(members))
}
