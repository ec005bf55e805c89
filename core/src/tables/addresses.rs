//! From an address to what holds there.

use super::{NONE, Parts};
use std::net::IpAddr;

/// The first address of a run of addresses of which the same holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: u128,
    pub(crate) part: u32,
}

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// That of a workload.
    Workload { endpoint: u32 },
    /// That of a node.
    Host { node: u32 },
    /// Neither.
    Outside,
    /// The flow names an endpoint that does not exist.
    Unknown,
}

/// What holds at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AddressClass {
    pub(crate) place: Place,
    /// The part of the endpoints that hold it.
    pub(crate) holders: u32,
    /// The part of the ranges that cover it.
    pub(crate) address: u32,
    /// The node that has it, or [`NONE`].
    pub(crate) node: u32,
}

/// Addresses by family: single ones that something holds, and ranges for all others.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    /// Sorted; what endpoints and nodes hold.
    pub(crate) exact: Vec<(IpAddr, AddressClass)>,
    /// Sorted by their first address; the first range starts at 0.
    pub(crate) v4: Vec<Range>,
    pub(crate) v6: Vec<Range>,
}

impl Addresses {
    pub(crate) fn class(&self, address: IpAddr) -> AddressClass {
        match self.exact.binary_search_by(|(known, _)| known.cmp(&address)) {
            Ok(position) => self.exact.get(position).map_or(Self::outside(Parts::EMPTY), |(_, class)| *class),
            Err(_) => Self::outside(self.covering(address)),
        }
    }

    /// The part of the ranges that cover an address.
    pub(crate) fn covering(&self, address: IpAddr) -> u32 {
        let (ranges, bits) = match address {
            IpAddr::V4(v4) => (&self.v4, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (&self.v6, v6.to_bits()),
        };
        let after = ranges.partition_point(|range| range.first <= bits);
        after
            .checked_sub(1)
            .and_then(|position| ranges.get(position))
            .map_or(Parts::EMPTY, |range| range.part)
    }

    fn outside(address: u32) -> AddressClass {
        AddressClass { place: Place::Outside, holders: Parts::EMPTY, address, node: NONE }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.exact) + size_of_val(&*self.v4) + size_of_val(&*self.v6)
    }
}
