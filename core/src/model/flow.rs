//! The question: one flow, and the rare rest of what is known about it.

use super::{EndpointId, Name, Protocol, ServiceKey};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// One end of a flow: by address, by endpoint, or both.
///
/// An endpoint with addresses is judged by the address of the flow's family; one without (a workload of a manifest that
/// never ran) by its labels and ports alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
pub enum Side {
    /// Whoever owns this address.
    Address(IpAddr),
    /// This endpoint, at the first of its addresses that suits the other end.
    Endpoint(EndpointId),
    /// This endpoint, at this address.
    Both(EndpointId, IpAddr),
}

impl From<IpAddr> for Side {
    fn from(address: IpAddr) -> Self {
        Side::Address(address)
    }
}

impl From<EndpointId> for Side {
    fn from(endpoint: EndpointId) -> Self {
        Side::Endpoint(endpoint)
    }
}

/// A new connection, or a packet of a protocol without connections: 48 bytes of plain data.
///
/// Addresses and ports are those seen where policy acts: the destination after translation, unless it is a service
/// address the cluster knows, which is translated here (calico.md 0.1). Traffic over a loopback interface never comes to a
/// place where policy acts; a flow to a loopback address is judged as one to any address outside.
///
/// ```
/// use tierwall::model::{Flow, Protocol};
/// use std::net::IpAddr;
/// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP).with_ports(40000, 443);
/// assert_eq!(flow.destination_port(), 443);
/// assert_eq!(size_of::<Flow>(), 48);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "super::serial::FlowFields", into = "super::serial::FlowFields")
)]
#[repr(C)]
pub struct Flow {
    source: [u8; 16],
    destination: [u8; 16],
    source_endpoint: u32,
    destination_endpoint: u32,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
    icmp_type: u8,
    icmp_code: u8,
    flags: u8,
}

const _: () = assert!(size_of::<Flow>() == 48);

const SOURCE_V4: u8 = 1;
const SOURCE_V6: u8 = 2;
const DESTINATION_V4: u8 = 4;
const DESTINATION_V6: u8 = 8;
const NO_ENDPOINT: u32 = 0;

impl Flow {
    /// A flow between two ends. Ports and the ICMP message are 0.
    pub fn new(source: impl Into<Side>, destination: impl Into<Side>, protocol: Protocol) -> Self {
        let (source_address, source_endpoint) = split(source.into());
        let (destination_address, destination_endpoint) = split(destination.into());
        Flow {
            source: octets(source_address),
            destination: octets(destination_address),
            source_endpoint,
            destination_endpoint,
            source_port: 0,
            destination_port: 0,
            protocol: protocol.number(),
            icmp_type: 0,
            icmp_code: 0,
            flags: family(source_address, SOURCE_V4, SOURCE_V6)
                | family(destination_address, DESTINATION_V4, DESTINATION_V6),
        }
    }

    /// Sets the ports.
    #[must_use]
    pub fn with_ports(mut self, source_port: u16, destination_port: u16) -> Self {
        (self.source_port, self.destination_port) = (source_port, destination_port);
        self
    }

    /// Sets the ICMP type and code.
    #[must_use]
    pub fn with_icmp(mut self, icmp_type: u8, icmp_code: u8) -> Self {
        (self.icmp_type, self.icmp_code) = (icmp_type, icmp_code);
        self
    }

    /// The same flow with another source.
    #[must_use]
    pub fn with_source(self, source: impl Into<Side>) -> Self {
        Flow::new(source, self.destination(), self.protocol()).carrying(self)
    }

    /// The same flow with another destination.
    #[must_use]
    pub fn with_destination(self, destination: impl Into<Side>) -> Self {
        Flow::new(self.source(), destination, self.protocol()).carrying(self)
    }

    /// The flow of the replies.
    #[must_use]
    pub fn reversed(self) -> Self {
        Flow::new(self.destination(), self.source(), self.protocol())
            .carrying(self)
            .with_ports(self.destination_port, self.source_port)
    }

    fn carrying(self, other: Flow) -> Self {
        self.with_ports(other.source_port, other.destination_port).with_icmp(other.icmp_type, other.icmp_code)
    }

    /// The source.
    pub fn source(&self) -> Side {
        join(self.source_address(), self.source_endpoint)
    }

    /// The destination.
    pub fn destination(&self) -> Side {
        join(self.destination_address(), self.destination_endpoint)
    }

    /// The source's address, if the flow states one.
    pub fn source_address(&self) -> Option<IpAddr> {
        address(self.source, self.flags & SOURCE_V4 != 0, self.flags & SOURCE_V6 != 0)
    }

    /// The destination's address, if the flow states one.
    pub fn destination_address(&self) -> Option<IpAddr> {
        address(self.destination, self.flags & DESTINATION_V4 != 0, self.flags & DESTINATION_V6 != 0)
    }

    /// Both addresses, if both are IPv4 and no endpoint is named.
    #[inline]
    pub(crate) fn v4_addresses(&self) -> Option<(u32, u32)> {
        let unnamed = self.source_endpoint | self.destination_endpoint == NO_ENDPOINT;
        (self.flags == SOURCE_V4 | DESTINATION_V4 && unnamed).then(|| (v4(self.source), v4(self.destination)))
    }

    /// The protocol, the destination port and the ICMP message.
    #[inline]
    pub(crate) fn traffic(&self) -> (u8, u16, (u8, u8)) {
        (self.protocol, self.destination_port, self.icmp())
    }

    /// The source port.
    pub fn source_port(&self) -> u16 {
        self.source_port
    }

    /// The destination port.
    pub fn destination_port(&self) -> u16 {
        self.destination_port
    }

    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        Protocol::from(self.protocol)
    }

    /// The ICMP type and code; meaningful for ICMP and ICMPv6 only.
    pub fn icmp(&self) -> (u8, u8) {
        (self.icmp_type, self.icmp_code)
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow")
            .field("source", &self.source())
            .field("destination", &self.destination())
            .field("protocol", &self.protocol())
            .field("ports", &(self.source_port, self.destination_port))
            .field("icmp", &self.icmp())
            .finish()
    }
}

// An endpoint id is kept plus one, so that zeroed memory names none.
fn split(side: Side) -> (Option<IpAddr>, u32) {
    match side {
        Side::Address(address) => (Some(address), NO_ENDPOINT),
        Side::Endpoint(endpoint) => (None, endpoint.0.wrapping_add(1)),
        Side::Both(endpoint, address) => (Some(address), endpoint.0.wrapping_add(1)),
    }
}

fn join(address: Option<IpAddr>, endpoint: u32) -> Side {
    match (address, endpoint.checked_sub(1)) {
        (Some(address), None) => Side::Address(address),
        (Some(address), Some(endpoint)) => Side::Both(EndpointId(endpoint), address),
        (None, Some(endpoint)) => Side::Endpoint(EndpointId(endpoint)),
        // Zeroed memory, which must not pass for an address: an endpoint that no cluster has.
        (None, None) => Side::Endpoint(EndpointId(u32::MAX)),
    }
}

fn octets(address: Option<IpAddr>) -> [u8; 16] {
    match address {
        Some(IpAddr::V4(v4)) => v4.to_ipv6_mapped().octets(),
        Some(IpAddr::V6(v6)) => v6.octets(),
        None => [0; 16],
    }
}

/// The IPv4 address of its mapped form.
#[inline]
fn v4(octets: [u8; 16]) -> u32 {
    let [.., a, b, c, d] = octets;
    u32::from_be_bytes([a, b, c, d])
}

fn family(address: Option<IpAddr>, v4: u8, v6: u8) -> u8 {
    match address {
        Some(IpAddr::V4(_)) => v4,
        Some(IpAddr::V6(_)) => v6,
        None => 0,
    }
}

fn address(octets: [u8; 16], v4: bool, v6: bool) -> Option<IpAddr> {
    let address = Ipv6Addr::from(octets);
    match (v4, v6) {
        (true, _) => address.to_ipv4_mapped().map(IpAddr::V4),
        (false, true) => Some(IpAddr::V6(address)),
        (false, false) => None,
    }
}

/// What is known about a flow beyond its addresses and ports. The default knows nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlowContext {
    /// The HTTP request.
    pub http: Http,
    /// The source's TLS identity, as `spiffe://<domain>/ns/<namespace>/sa/<account>`; absent for plain text.
    pub source_principal: Option<String>,
    /// The destination's TLS identity.
    pub destination_principal: Option<String>,
    /// The destination before it was translated, if it was; pre-DNAT policy matches this one.
    pub original_destination: Option<OriginalDestination>,
    /// The interface of the source's node that the flow leaves by; absent: the one its host endpoint names.
    pub source_interface: Option<Name>,
    /// The interface of the destination's node that the flow arrives by; absent: the one its host endpoint names.
    pub destination_interface: Option<Name>,
    /// The flow goes to this service, by the service's port: for a service whose address the flow cannot state.
    pub service: Option<ServiceKey>,
    /// The flow was sent to a service's address and translated, perhaps back to its own source.
    pub via_service: bool,
}

impl FlowContext {
    /// Whether nothing is known besides the flow.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.http == Http::NotInspected
            && self.source_principal.is_none()
            && self.destination_principal.is_none()
            && self.original_destination.is_none()
            && self.source_interface.is_none()
            && self.destination_interface.is_none()
            && self.service.is_none()
            && !self.via_service
    }
}

/// A destination before translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OriginalDestination {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

/// What is known of a flow's HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Http {
    /// Nobody looks inside the flow: HTTP clauses pass, as in the L3/L4 data planes (calico.md 8).
    #[default]
    NotInspected,
    /// An inspecting caller has no data: a rule with an HTTP clause is undecided.
    Unknown,
    /// The request.
    Request(HttpRequest),
}

/// The parts of an HTTP request that rules match. A part that is absent counts as matched (calico.md 8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpRequest {
    /// The method, like `GET`.
    pub method: Option<String>,
    /// The raw request target, with its query.
    pub path: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_survive_the_plain_bytes() {
        let v4: IpAddr = "10.1.2.3".parse().unwrap();
        let v6: IpAddr = "fd00::1".parse().unwrap();
        for side in [
            Side::Address(v4),
            Side::Address(v6),
            Side::Endpoint(EndpointId(0)),
            Side::Both(EndpointId(7), v6),
        ] {
            let flow = Flow::new(side, Side::Address(v4), Protocol::UDP).with_ports(1, 2);
            assert_eq!(flow.source(), side);
            assert_eq!(flow.destination(), Side::Address(v4));
            assert_eq!(flow.reversed().destination(), side);
            assert_eq!(flow.reversed().destination_port(), 1);
            assert_eq!(flow.with_destination(v6).source(), side);
        }
    }

    #[test]
    fn a_mapped_ipv6_address_stays_ipv6() {
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(Flow::new(mapped, mapped, Protocol::TCP).source_address(), Some(mapped));
    }
}
