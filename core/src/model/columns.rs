//! Many flows, column by column.

use super::{EndpointId, Flow, Protocol, Side};
use std::net::{Ipv4Addr, Ipv6Addr};
use thiserror::Error;

/// One end of each of many flows.
#[derive(Debug, Clone, Copy)]
pub enum Ends<'a> {
    /// IPv4 addresses, as [`Ipv4Addr::to_bits`] gives them.
    V4(&'a [u32]),
    /// IPv6 addresses, as [`Ipv6Addr::to_bits`] gives them.
    V6(&'a [u128]),
    /// Endpoints, each at the first of its addresses that suits the other end.
    Endpoints(&'a [EndpointId]),
}

/// Many flows, column by column, as flow logs and data frames hold them: for
/// [`Snapshot::verdicts_of`](crate::Snapshot::verdicts_of). Nothing is copied.
///
/// ```
/// use tierwall::{Snapshot, cluster::Cluster, model::*};
/// let sources = [0x0a00_0001, 0x0a00_0002];
/// let destinations = [0x0a00_0003, 0x0a00_0003];
/// let tcp = [Protocol::TCP.number(); 2];
/// let flows = Columns::new(Ends::V4(&sources), Ends::V4(&destinations), &tcp)?.with_ports(&[40000; 2], &[80, 443])?;
/// let mut verdicts = [Verdict::default(); 2];
/// Snapshot::compile(&Cluster::new()).verdicts_of(&flows, &mut verdicts);
/// assert!(verdicts.iter().all(|verdict| verdict.is_allowed()));
/// # Ok::<(), ColumnLength>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    sources: Ends<'a>,
    destinations: Ends<'a>,
    protocols: &'a [u8],
    ports: Option<[&'a [u16]; 2]>,
    icmp: Option<[&'a [u8]; 2]>,
}

/// Columns of the same flows have different lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "column `{column}` has {found} rows, but `sources` has {expected}: give each flow a row in every column"
)]
#[non_exhaustive]
pub struct ColumnLength {
    /// Which column.
    pub column: &'static str,
    /// How many rows it has.
    pub found: usize,
    /// How many the column of sources has.
    pub expected: usize,
}

impl Ends<'_> {
    fn len(&self) -> usize {
        match self {
            Ends::V4(addresses) => addresses.len(),
            Ends::V6(addresses) => addresses.len(),
            Ends::Endpoints(endpoints) => endpoints.len(),
        }
    }

    /// One of them.
    fn get(&self, row: usize) -> Option<Side> {
        Some(match self {
            Ends::V4(addresses) => Side::Address(Ipv4Addr::from_bits(*addresses.get(row)?).into()),
            Ends::V6(addresses) => Side::Address(Ipv6Addr::from_bits(*addresses.get(row)?).into()),
            Ends::Endpoints(endpoints) => Side::Endpoint(*endpoints.get(row)?),
        })
    }

    /// Some of them, as far as there are so many.
    fn part(&self, from: usize, len: usize) -> Self {
        match self {
            Ends::V4(addresses) => Ends::V4(part(addresses, from, len)),
            Ends::V6(addresses) => Ends::V6(part(addresses, from, len)),
            Ends::Endpoints(endpoints) => Ends::Endpoints(part(endpoints, from, len)),
        }
    }
}

fn part<T>(column: &[T], from: usize, len: usize) -> &[T] {
    let rest = column.get(from..).unwrap_or_default();
    rest.get(..len).unwrap_or(rest)
}

impl<'a> Columns<'a> {
    /// Flows by their ends and the numbers of their protocols. Ports and ICMP messages are 0.
    ///
    /// # Errors
    /// Columns of different lengths.
    pub fn new(sources: Ends<'a>, destinations: Ends<'a>, protocols: &'a [u8]) -> Result<Self, ColumnLength> {
        let columns = Columns { sources, destinations, protocols, ports: None, icmp: None };
        columns.check("destinations", destinations.len())?;
        columns.check("protocols", protocols.len())?;
        Ok(columns)
    }

    /// Sets the ports; they count for protocols that have ports.
    ///
    /// # Errors
    /// Columns of other lengths.
    pub fn with_ports(self, sources: &'a [u16], destinations: &'a [u16]) -> Result<Self, ColumnLength> {
        self.check("source_ports", sources.len())?;
        self.check("destination_ports", destinations.len())?;
        Ok(Columns { ports: Some([sources, destinations]), ..self })
    }

    /// Sets the ICMP types and codes; they count for ICMP and ICMPv6.
    ///
    /// # Errors
    /// Columns of other lengths.
    pub fn with_icmp(self, types: &'a [u8], codes: &'a [u8]) -> Result<Self, ColumnLength> {
        self.check("icmp_types", types.len())?;
        self.check("icmp_codes", codes.len())?;
        Ok(Columns { icmp: Some([types, codes]), ..self })
    }

    fn check(&self, column: &'static str, found: usize) -> Result<(), ColumnLength> {
        let expected = self.len();
        if found == expected { Ok(()) } else { Err(ColumnLength { column, found, expected }) }
    }

    /// How many flows they are.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether they are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One flow by itself.
    pub fn get(&self, row: usize) -> Option<Flow> {
        let (source, destination) = (self.sources.get(row)?, self.destinations.get(row)?);
        let (protocol, port, icmp) = self.traffic(row)?;
        let source_port = self.ports.and_then(|[sources, _]| sources.get(row).copied()).unwrap_or(0);
        let flow = Flow::new(source, destination, Protocol::from(protocol));
        Some(flow.with_ports(source_port, port).with_icmp(icmp.0, icmp.1))
    }

    /// `len` of them from one on, or as many as there are.
    pub fn part(&self, from: usize, len: usize) -> Self {
        Columns {
            sources: self.sources.part(from, len),
            destinations: self.destinations.part(from, len),
            protocols: part(self.protocols, from, len),
            ports: self.ports.map(|columns| columns.map(|column| part(column, from, len))),
            icmp: self.icmp.map(|columns| columns.map(|column| part(column, from, len))),
        }
    }

    /// The sources and destinations, if all are IPv4 addresses.
    #[inline]
    pub(crate) fn v4_addresses(&self) -> Option<(&'a [u32], &'a [u32])> {
        match (self.sources, self.destinations) {
            (Ends::V4(sources), Ends::V4(destinations)) => Some((sources, destinations)),
            _ => None,
        }
    }

    /// The protocol, the destination port and the ICMP message of one.
    #[inline]
    pub(crate) fn traffic(&self, row: usize) -> Option<(u8, u16, (u8, u8))> {
        let protocol = *self.protocols.get(row)?;
        let port = match self.ports {
            Some([_, destinations]) => *destinations.get(row)?,
            None => 0,
        };
        let icmp = match self.icmp {
            Some([types, codes]) => (*types.get(row)?, *codes.get(row)?),
            None => (0, 0),
        };
        Some((protocol, port, icmp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_too_short_or_too_long_is_named() {
        let (sources, tcp) = ([1, 2], [6, 6]);
        let columns = Columns::new(Ends::V4(&sources), Ends::V4(&[3]), &tcp).unwrap_err();
        assert_eq!(
            columns.to_string(),
            "column `destinations` has 1 rows, but `sources` has 2: give each flow a row in every column"
        );
        let columns = Columns::new(Ends::V4(&sources), Ends::V6(&[3, 4]), &tcp).unwrap();
        let column = |result: Result<Columns<'_>, ColumnLength>| result.unwrap_err().column;
        assert_eq!(column(Columns::new(Ends::V4(&sources), Ends::V4(&sources), &[6; 3])), "protocols");
        assert_eq!(column(columns.with_ports(&[1], &[1, 2])), "source_ports");
        assert_eq!(column(columns.with_ports(&[1, 2], &[])), "destination_ports");
        assert_eq!(column(columns.with_icmp(&[1; 3], &[1, 2])), "icmp_types");
        assert_eq!(column(columns.with_icmp(&[1, 2], &[1])), "icmp_codes");
    }

    #[test]
    fn a_row_is_a_flow() {
        let endpoints = [EndpointId(7), EndpointId(8)];
        let columns = Columns::new(Ends::V6(&[1, 2]), Ends::Endpoints(&endpoints), &[6, 58]).unwrap();
        let columns = columns.with_ports(&[5, 0], &[80, 0]).unwrap().with_icmp(&[0, 128], &[0, 1]).unwrap();
        let source = Side::Address(Ipv6Addr::from_bits(2).into());
        let second = Flow::new(source, EndpointId(8), Protocol::ICMPV6).with_icmp(128, 1);
        assert_eq!(columns.get(1), Some(second));
        assert_eq!(columns.get(0).map(|flow| (flow.source_port(), flow.destination_port())), Some((5, 80)));
        assert_eq!((columns.get(2), columns.len(), columns.is_empty()), (None, 2, false));
        let part = columns.part(1, 9);
        assert_eq!((part.len(), part.get(0)), (1, Some(second)));
        assert!(columns.part(5, 1).is_empty());
    }
}
