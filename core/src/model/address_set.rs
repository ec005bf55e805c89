//! Bare sets of addresses, for rules that are built without any inventory of endpoints.

use super::{Name, Protocol};
use ipnet::IpNet;
use std::net::IpAddr;

/// A named set of address ranges.
///
/// An agent that resolved its selectors elsewhere gives the members here; the engine then needs no endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSet {
    /// The name the trace shows.
    pub name: Name,
    /// The members.
    pub members: Vec<IpNet>,
}

impl AddressSet {
    /// Whether a member holds `address`. Linear in the members.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.members.iter().any(|net| net.contains(&address))
    }
}

/// One address with a protocol and port: a member of an [`AddressPortSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressPort {
    /// The address.
    pub address: IpAddr,
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
}

/// A named set of (address, protocol, port) triples: a resolved named port, or the backends of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPortSet {
    /// The name the trace shows.
    pub name: Name,
    /// The members.
    pub members: Vec<AddressPort>,
}

impl AddressPortSet {
    /// Whether the triple is a member. Linear in the members.
    pub fn contains(&self, member: AddressPort) -> bool {
        self.members.contains(&member)
    }
}
