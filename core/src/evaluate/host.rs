//! Which host endpoint governs an interface, and the ports that stay open whatever it says.

use super::party::FlowView;
use crate::dialect::Failsafe;
use crate::model::Direction;
use crate::tables::{EndpointRecord, Host, Interface, Tables};
use std::net::IpAddr;

/// An endpoint, by its number and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seat<'a> {
    pub(super) endpoint: u32,
    pub(super) record: &'a EndpointRecord,
}

impl<'a> Seat<'a> {
    pub(super) fn of(tables: &'a Tables, endpoint: u32) -> Option<Self> {
        tables.endpoints.get(endpoint).map(|record| Seat { endpoint, record })
    }
}

/// The host endpoint of the interface through which a node talks to the outside.
pub(super) fn uplink<'a>(
    tables: &'a Tables,
    node: u32,
    interface: Option<&str>,
    address: Option<IpAddr>,
) -> Option<Seat<'a>> {
    let seat = |host: &Host| Seat::of(tables, host.endpoint);
    let holds = |host: &Host| {
        let holds = |seat: Seat<'_>, address| tables.endpoints.holds(seat.record, address);
        address.is_some_and(|address| seat(host).is_some_and(|seat| holds(seat, address)))
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
    first.or_else(|| candidates().next()).and_then(seat).or_else(|| wildcard(tables, node))
}

/// The host endpoint of every interface of a node that has none of its own.
pub(super) fn wildcard(tables: &Tables, node: u32) -> Option<Seat<'_>> {
    let host = tables.endpoints.hosts_of(node).iter().find(|host| host.interface == Interface::All)?;
    Seat::of(tables, host.endpoint)
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
