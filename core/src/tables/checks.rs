//! What a rule demands, one demand after the other.

use super::Span;
use crate::model::{IcmpMatch, IpVersion};

/// An end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Side {
    Source,
    Destination,
}

/// One demand. A rule matches where all of its checks hold; their order has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Check {
    Version(IpVersion),
    /// Not this family, if the flow has one.
    NotVersion(IpVersion),
    Protocol(u8),
    NotProtocol(u8),
    Icmp(IcmpMatch),
    NotIcmp(IcmpMatch),
    /// The predicate holds at the end.
    Holds(Side, u32),
    Fails(Side, u32),
    /// As `Holds`, of ranges; may be unknown where the end has no address.
    InNets(Side, u32),
    NotInNets(Side, u32),
    /// The port is one of these.
    Ports(Side, u32),
    NotPorts(Side, u32),
    /// The condition resolves to the flow's protocol and the end's port.
    Resolves(Side, u32),
    /// One of these names leads to the address, as the judged endpoint's node knows it.
    Named(Side, u32),
    /// The predicate holds, or one of these names leads to the address.
    HoldsOrNamed(Side, u32, u32),
    Identity(Side, u32),
    Http(u32),
}

/// Ports by number, or by conditions that resolve to numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PortCheck {
    /// Numbers and ranges.
    pub(crate) ranges: Span,
    /// Numbers of conditions.
    pub(crate) conditions: Span,
}
