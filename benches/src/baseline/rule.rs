//! One rule, and what of a flow it looks at.

use super::prefix::Prefix;
use tierwall::model::{Protocol, RuleAction, RuleId};

/// A flow as one of its ends sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    /// The address of the other end.
    pub(super) peer: u32,
    pub(super) protocol: Protocol,
    /// The destination port; none for protocols whose ports policy cannot match.
    pub(super) port: Option<u16>,
}

/// A rule of one direction. Every criterion must hold; one that is absent or empty does.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) action: RuleAction,
    pub(super) protocol: Option<Protocol>,
    /// The number of the selector that the peer must match.
    pub(super) selector: Option<u32>,
    /// Destination ports, both ends included.
    pub(super) ports: Box<[(u16, u16)]>,
    pub(super) ranges: Option<Box<Ranges>>,
    pub(super) id: Option<RuleId>,
}

/// Ranges of addresses for the peer.
#[derive(Debug)]
pub(super) struct Ranges {
    pub(super) nets: Box<[Prefix]>,
    pub(super) not_nets: Box<[Prefix]>,
}

impl Rule {
    /// Whether the rule matches, cheapest criterion first; `selected` tells whether the peer matches a selector.
    pub(super) fn matches(&self, packet: &Packet, selected: impl FnOnce(u32) -> bool) -> bool {
        self.protocol.is_none_or(|wanted| wanted == packet.protocol)
            && (self.ports.is_empty() || packet.port.is_some_and(|port| self.has_port(port)))
            && self.ranges.as_ref().is_none_or(|ranges| ranges.contain(packet.peer))
            && self.selector.is_none_or(selected)
    }

    fn has_port(&self, port: u16) -> bool {
        self.ports.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }
}

impl Ranges {
    fn contain(&self, address: u32) -> bool {
        let within = |nets: &[Prefix]| nets.iter().any(|net| net.contains(address));
        (self.nets.is_empty() || within(&self.nets)) && !within(&self.not_nets)
    }
}
