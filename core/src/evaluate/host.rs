//! Which host endpoint governs an interface, and the ports that stay open whatever it says.

use super::party::FlowView;
use crate::dialect::Failsafe;
use crate::model::Direction;
use crate::tables::{EndpointRecord, Interface, Tables};
use std::net::IpAddr;

/// The host endpoint of the interface through which a node talks to the outside.
pub(super) fn uplink<'a>(
    tables: &'a Tables,
    node: u32,
    interface: Option<&str>,
    address: Option<IpAddr>,
) -> Option<&'a EndpointRecord> {
    let holds = |record: &EndpointRecord| {
        address.is_some_and(|address| tables.endpoints.addresses_of(record).contains(&address))
    };
    let specific = |record: &&EndpointRecord| match (&record.interface, interface) {
        (Interface::Named(name), Some(wanted)) => **name == *wanted,
        (Interface::ByAddress, Some(_)) => address.is_none() || holds(record),
        (Interface::Named(_) | Interface::ByAddress, None) => true,
        (Interface::All | Interface::None, _) => false,
    };
    let candidates = || hosts(tables, node).filter(specific);
    let by_address = || candidates().find(|record| holds(record));
    let first = if interface.is_none() { by_address() } else { None };
    first.or_else(|| candidates().next()).or_else(|| wildcard(tables, node))
}

/// The host endpoint of every interface of a node that has none of its own.
pub(super) fn wildcard(tables: &Tables, node: u32) -> Option<&EndpointRecord> {
    hosts(tables, node).find(|record| record.interface == Interface::All)
}

fn hosts(tables: &Tables, node: u32) -> impl Iterator<Item = &EndpointRecord> {
    let node = tables.endpoints.nodes.get(node);
    let hosts = node.map_or(&[][..], |node| tables.endpoints.hosts.slice(node.hosts));
    hosts.iter().filter_map(|endpoint| tables.endpoints.get(*endpoint))
}

impl FlowView<'_> {
    /// Whether it goes to a failsafe port.
    pub(super) fn is_failsafe(&self, direction: Direction) -> bool {
        let failsafes = &self.tables.dialect.failsafes;
        let (list, remote) = match direction {
            Direction::Ingress => (&failsafes.inbound, self.source.address),
            Direction::Egress => (&failsafes.outbound, self.destination.address),
        };
        self.suits(list, self.destination.port, remote)
    }

    /// Whether it is the reply to a flow to a failsafe port.
    pub(super) fn is_failsafe_reply(&self, direction: Direction) -> bool {
        let failsafes = &self.tables.dialect.failsafes;
        let (list, remote) = match direction {
            Direction::Ingress => (&failsafes.outbound, self.source.address),
            Direction::Egress => (&failsafes.inbound, self.destination.address),
        };
        self.suits(list, self.source.port, remote)
    }

    fn suits(&self, failsafes: &[Failsafe], port: u16, remote: Option<IpAddr>) -> bool {
        failsafes.iter().any(|failsafe| {
            failsafe.protocol == self.protocol
                && failsafe.ports.contains(port)
                && failsafe.net.is_none_or(|net| remote.is_some_and(|remote| net.contains(&remote)))
        })
    }
}
