//! Which host endpoint governs an interface, and the ports that stay open whatever it says.

use super::party::FlowView;
use crate::dialect::Failsafe;
use crate::model::Direction;
use crate::tables::{EndpointRecord, Host, Interface, Tables};
use std::net::IpAddr;

/// The host endpoint of the interface through which a node talks to the outside.
pub(super) fn uplink<'a>(
    tables: &'a Tables,
    node: u32,
    interface: Option<&str>,
    address: Option<IpAddr>,
) -> Option<&'a EndpointRecord> {
    let record = |host: &Host| tables.endpoints.get(host.endpoint);
    let holds = |host: &Host| {
        let holds = |record, address| tables.endpoints.holds(record, address);
        address.is_some_and(|address| record(host).is_some_and(|record| holds(record, address)))
    };
    let specific = |host: &&Host| match (&host.interface, interface) {
        (Interface::Named(name), Some(wanted)) => **name == *wanted,
        (Interface::ByAddress, Some(_)) => address.is_none() || holds(host),
        (Interface::Named(_) | Interface::ByAddress, None) => true,
        (Interface::All | Interface::None, _) => false,
    };
    let candidates = || tables.endpoints.hosts_of(node).iter().filter(specific);
    let by_address = || candidates().find(|host| holds(host));
    let first = if interface.is_none() { by_address() } else { None };
    first.or_else(|| candidates().next()).and_then(record).or_else(|| wildcard(tables, node))
}

/// The host endpoint of every interface of a node that has none of its own.
pub(super) fn wildcard(tables: &Tables, node: u32) -> Option<&EndpointRecord> {
    let host = tables.endpoints.hosts_of(node).iter().find(|host| host.interface == Interface::All)?;
    tables.endpoints.get(host.endpoint)
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
