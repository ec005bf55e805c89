//! IPv4 prefixes, and what holds an address.

use ipnet::IpNet;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// An IPv4 prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    network: u32,
    mask: u32,
}

impl Prefix {
    /// The prefix of an IPv4 range.
    pub(super) fn of(net: &IpNet) -> Option<Self> {
        match net {
            IpNet::V4(net) => Some(Prefix { network: net.network().into(), mask: net.netmask().into() }),
            IpNet::V6(_) => None,
        }
    }

    pub(super) fn contains(self, address: u32) -> bool {
        address & self.mask == self.network
    }
}

/// Addresses and prefixes: one probe for addresses, one for each length of prefix.
#[derive(Debug, Default)]
pub(super) struct AddressSet {
    addresses: FxHashSet<u32>,
    by_length: Vec<(u32, FxHashSet<u32>)>,
}

impl AddressSet {
    pub(super) fn new(addresses: impl Iterator<Item = u32>, prefixes: impl Iterator<Item = Prefix>) -> Self {
        let mut by_mask: BTreeMap<u32, FxHashSet<u32>> = BTreeMap::new();
        for prefix in prefixes {
            by_mask.entry(prefix.mask).or_default().insert(prefix.network);
        }
        AddressSet { addresses: addresses.collect(), by_length: by_mask.into_iter().rev().collect() }
    }

    pub(super) fn contains(&self, address: u32) -> bool {
        self.addresses.contains(&address)
            || self.by_length.iter().any(|(mask, networks)| networks.contains(&(address & mask)))
    }
}

/// Which network sets hold an address: one probe for each length of prefix.
#[derive(Debug, Default)]
pub(super) struct Holders(Vec<(u32, FxHashMap<u32, Vec<u32>>)>);

impl Holders {
    /// From prefixes and the numbers of the sets they are in.
    pub(super) fn new(prefixes: impl Iterator<Item = (Prefix, u32)>) -> Self {
        let mut by_mask: BTreeMap<u32, FxHashMap<u32, Vec<u32>>> = BTreeMap::new();
        for (prefix, set) in prefixes {
            by_mask.entry(prefix.mask).or_default().entry(prefix.network).or_default().push(set);
        }
        Holders(by_mask.into_iter().collect())
    }

    pub(super) fn of(&self, address: u32) -> impl Iterator<Item = u32> + Clone {
        self.0.iter().filter_map(move |(mask, sets)| sets.get(&(address & mask))).flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::of(&text.parse().unwrap()).unwrap()
    }

    fn address(text: &str) -> u32 {
        text.parse::<std::net::Ipv4Addr>().unwrap().into()
    }

    #[test]
    fn a_prefix_holds_its_addresses() {
        assert!(prefix("10.1.0.0/16").contains(address("10.1.255.255")));
        assert!(!prefix("10.1.0.0/16").contains(address("10.2.0.0")));
        assert!(prefix("0.0.0.0/0").contains(address("255.255.255.255")));
        assert!(prefix("192.0.2.1/32").contains(address("192.0.2.1")));
        assert_eq!(Prefix::of(&"fd00::/8".parse().unwrap()), None);
    }

    #[test]
    fn sets_hold_addresses_and_prefixes() {
        let prefixes = ["10.0.0.0/8", "192.0.2.0/24"].map(prefix);
        let set = AddressSet::new([address("198.51.100.7")].into_iter(), prefixes.into_iter());
        for (member, expected) in
            [("10.9.9.9", true), ("192.0.2.200", true), ("198.51.100.7", true), ("198.51.100.8", false)]
        {
            assert_eq!(set.contains(address(member)), expected, "{member}");
        }
    }

    #[test]
    fn nested_prefixes_name_every_set() {
        let prefixes = [(prefix("10.0.0.0/8"), 1), (prefix("10.1.0.0/16"), 2), (prefix("10.1.0.0/16"), 3)];
        let holders = Holders::new(prefixes.into_iter());
        let mut sets: Vec<u32> = holders.of(address("10.1.2.3")).collect();
        sets.sort_unstable();
        assert_eq!(sets, [1, 2, 3]);
        assert_eq!(holders.of(address("10.2.0.0")).collect::<Vec<_>>(), [1]);
    }
}
