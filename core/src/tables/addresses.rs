//! From an address to what holds there.

use super::{NONE, Parts, Table, Trie};
use std::net::IpAddr;

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

/// Who has an address: the first endpoint by key and the first node by name, each a number or [`NONE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Occupant {
    pub(crate) endpoint: u32,
    pub(crate) node: u32,
}

/// The parts that hold at the addresses of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClassParts {
    /// That of the endpoints that hold the address.
    pub(crate) holders: u32,
    /// That of the ranges that cover it.
    pub(crate) address: u32,
}

/// Addresses by family.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Addresses {
    /// To classes.
    pub(crate) v4: Trie,
    /// The first address of each run of one class, sorted; the first is 0.
    pub(crate) v6: Vec<(u128, u32)>,
    pub(crate) classes: Table<ClassParts>,
    /// Sorted: addresses that endpoints or nodes have.
    pub(crate) occupied_v4: Vec<(u32, Occupant)>,
    pub(crate) occupied_v6: Vec<(u128, Occupant)>,
}

impl Addresses {
    /// The class of an address.
    #[inline]
    pub(crate) fn class(&self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(v4) => self.v4.get(v4.to_bits()),
            IpAddr::V6(v6) => {
                let after = self.v6.partition_point(|(first, _)| *first <= v6.to_bits());
                after.checked_sub(1).and_then(|last| self.v6.get(last)).map_or(0, |(_, class)| *class)
            }
        }
    }

    /// The parts that hold at an address.
    pub(crate) fn parts(&self, address: IpAddr) -> ClassParts {
        let nothing = ClassParts { holders: Parts::EMPTY, address: Parts::EMPTY };
        self.classes.get(self.class(address)).copied().unwrap_or(nothing)
    }

    /// Who has an address.
    pub(crate) fn occupant(&self, address: IpAddr) -> Occupant {
        let found = match address {
            IpAddr::V4(v4) => find(&self.occupied_v4, v4.to_bits()),
            IpAddr::V6(v6) => find(&self.occupied_v6, v6.to_bits()),
        };
        found.unwrap_or(Occupant { endpoint: NONE, node: NONE })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.v4.bytes()
            + size_of_val(&*self.v6)
            + self.classes.bytes()
            + size_of_val(&*self.occupied_v4)
            + size_of_val(&*self.occupied_v6)
    }
}

fn find<K: Ord + Copy>(occupied: &[(K, Occupant)], address: K) -> Option<Occupant> {
    let position = occupied.binary_search_by_key(&address, |(known, _)| *known).ok()?;
    occupied.get(position).map(|(_, occupant)| *occupant)
}
