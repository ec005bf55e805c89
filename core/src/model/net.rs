//! Protocols, ports, ICMP and address families.

use std::fmt;
use std::net::IpAddr;

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers").
///
/// ```
/// use tierwall::model::Protocol;
/// assert_eq!(Protocol::from_name("TCP"), Some(Protocol::TCP));
/// assert_eq!(Protocol::from(132).to_string(), "SCTP");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(u8);

impl Protocol {
    /// ICMP for IPv4.
    pub const ICMP: Protocol = Protocol(1);
    /// TCP.
    pub const TCP: Protocol = Protocol(6);
    /// UDP.
    pub const UDP: Protocol = Protocol(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Protocol = Protocol(58);
    /// SCTP.
    pub const SCTP: Protocol = Protocol(132);
    /// UDP-Lite.
    pub const UDPLITE: Protocol = Protocol(136);

    const NAMES: [(Protocol, &'static str); 6] = [
        (Protocol::ICMP, "ICMP"),
        (Protocol::TCP, "TCP"),
        (Protocol::UDP, "UDP"),
        (Protocol::ICMPV6, "ICMPv6"),
        (Protocol::SCTP, "SCTP"),
        (Protocol::UDPLITE, "UDPLite"),
    ];

    /// The names Calico and Kubernetes use, in their exact case.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().map(|(_, name)| *name)
    }

    /// The protocol of that name, in the exact case of the APIs (`TCP`, `ICMPv6`, ...).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(protocol, _)| *protocol)
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name the APIs use; `None` for a protocol they only know by number.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(protocol, _)| *protocol == self).map(|(_, name)| *name)
    }

    /// True for the protocols whose ports policy can match: TCP, UDP and SCTP (calico.md 4.4).
    pub fn has_ports(self) -> bool {
        matches!(self, Protocol::TCP | Protocol::UDP | Protocol::SCTP)
    }

    /// True for ICMP and ICMPv6.
    pub fn is_icmp(self) -> bool {
        matches!(self, Protocol::ICMP | Protocol::ICMPV6)
    }
}

impl From<u8> for Protocol {
    fn from(number: u8) -> Self {
        Protocol(number)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpVersion {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { IpVersion::V4 } else { IpVersion::V6 }
    }

    /// The family of a range.
    pub fn of_net(net: &ipnet::IpNet) -> Self {
        IpVersion::of(net.addr())
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            IpVersion::V4 => "IPv4",
            IpVersion::V6 => "IPv6",
        })
    }
}

/// An inclusive range of port numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// A port range whose first port is greater than its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the first port of a range must not be greater than the last")]
pub struct InvalidPortRange;

impl PortRange {
    /// Every port from `first` to `last`, both included.
    ///
    /// # Errors
    /// If `first` is greater than `last`.
    pub fn new(first: u16, last: u16) -> Result<Self, InvalidPortRange> {
        if first <= last { Ok(PortRange { first, last }) } else { Err(InvalidPortRange) }
    }

    /// The first port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The last port.
    pub fn last(self) -> u16 {
        self.last
    }

    /// Whether the range holds `port`.
    pub fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl From<u16> for PortRange {
    fn from(port: u16) -> Self {
        PortRange { first: port, last: port }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}:{}", self.first, self.last)
        }
    }
}

/// An ICMP type, and perhaps a code (calico.md 4.2 `icmp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IcmpMatch {
    /// The ICMP type.
    pub icmp_type: u8,
    /// The ICMP code; absent for any code.
    pub code: Option<u8>,
}

impl IcmpMatch {
    /// Whether a message of this type and code matches.
    pub fn matches(self, icmp_type: u8, code: u8) -> bool {
        self.icmp_type == icmp_type && self.code.is_none_or(|wanted| wanted == code)
    }
}

impl fmt::Display for IcmpMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "type {} code {code}", self.icmp_type),
            None => write!(f, "type {}", self.icmp_type),
        }
    }
}
